import { type CheckOutcome, check } from "../repair/check.ts";
import type { CheckInput } from "../repair/check-input.ts";
import { plural } from "../words/amounts.ts";
import { STOPPED } from "../words/answers/common.ts";
import { surveyAside } from "./aside.ts";
import { type CommandContext, problem, stopped } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { shareFacts } from "./progress-line.ts";
import { noSessionFor } from "./resolve-ids.ts";

/** A check with progress on the terminal. */
export async function checkWithProgress(context: CommandContext, sessionIDs: readonly string[]): Promise<CheckOutcome> {
  const { terminal } = context;
  const started = performance.now();
  terminal.progress("Checking …");
  const onProgress: CheckInput["onProgress"] = (counts, expected) => {
    const { sessions, messages, parts } = counts;
    const words = [plural(sessions, "session"), plural(messages, "message"), plural(parts, "part")];
    // For files, only the number of sessions is known in advance.
    const [done, of] =
      expected.parts === undefined
        ? [sessions, expected.sessions ?? 0]
        : [messages + parts, (expected.messages ?? 0) + expected.parts];
    const share = of > 0 ? shareFacts(done, of, performance.now() - started) : [];
    terminal.progress(`Checking: ${[...words, ...share].join(", ")} …`);
  };
  return check({
    files: context.files,
    located: context.located,
    sessionIDs,
    concurrency: context.options.concurrency,
    signal: context.signal,
    surveyAside,
    onProgress,
  });
}

/** Ends a command whose check has no result. */
export async function withoutResult(
  context: CommandContext,
  { unknownSession }: CheckOutcome & { ok: false },
): Promise<ExitStatus> {
  if (unknownSession !== null) {
    return problem(context, (await noSessionFor(context, [unknownSession])).message, EXIT.usage);
  }
  return stopped(context, STOPPED);
}
