import { type CheckOutcome, check } from "../repair/check.ts";
import type { CheckInput, Expected } from "../repair/check-input.ts";
import { surveyAside } from "./aside.ts";
import { type CommandContext, problem, stopped } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { showProgress } from "./progress-line.ts";
import { unknownSessionMessage } from "./resolve-ids.ts";

/** A check with progress on the terminal. */
export async function checkWithProgress(context: CommandContext, sessionIDs: readonly string[]): Promise<CheckOutcome> {
  const records = showProgress(context.terminal, "Checking", "records");
  const sessions = showProgress(context.terminal, "Checking", "sessions");
  const onProgress: CheckInput["onProgress"] = (counts, expected) => {
    // Of files only the number of sessions is known beforehand.
    if (expected.parts === undefined && expected.sessions !== undefined) sessions(counts.sessions, expected.sessions);
    else records(counts.messages + counts.parts, sumOf(expected));
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

function sumOf({ messages, parts }: Expected): number | null {
  return parts === undefined ? null : (messages ?? 0) + parts;
}

/** Ends a command whose check came to no result. */
export async function withoutResult(
  context: CommandContext,
  { unknownSession }: CheckOutcome & { ok: false },
): Promise<ExitStatus> {
  if (unknownSession !== null) {
    return problem(context, await unknownSessionMessage(context, unknownSession), EXIT.usage);
  }
  return stopped(context, "Stopped before everything was checked. Nothing was changed.");
}
