import { checkText } from "../words/answers/check.ts";
import { checkAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { viewOf } from "./check-view.ts";
import { checkWithProgress, withoutResult } from "./checking.ts";
import { answer, type CommandContext, problem } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { otherDataLines, otherDataNote } from "./other-data-note.ts";
import { resolveSessionsHere } from "./resolve-ids.ts";

/** `check`: reports problems and writes nothing. */
export async function checkCommand(
  context: CommandContext,
  { sessionIDs }: Command & { name: "check" },
): Promise<ExitStatus> {
  const resolved = await resolveSessionsHere(context, sessionIDs);
  if (!resolved.ok) return problem(context, resolved.message, EXIT.usage);
  const outcome = await checkWithProgress(context, resolved.value);
  if (!outcome.ok) return withoutResult(context, outcome);
  const { result } = outcome;
  const other = sessionIDs.length === 0 ? await otherDataNote(context, null) : [];
  const text = checkText(result, await viewOf(context, resolved.value, result));
  const document = { ...checkAnswer(result, context.options), ...(other.length > 0 && { otherData: other }) };
  const note = otherDataLines(context, other);
  answer(context, document, [text, ...(note.length > 0 ? ["", ...note] : [])].join("\n"));
  return result.verdict === "healthy" ? EXIT.done : EXIT.findings;
}
