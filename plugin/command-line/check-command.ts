import { checkAnswer } from "./answers.ts";
import { answer, type CommandContext, checkWithProgress, withoutResult } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { checkText, obstacle } from "./text.ts";

/** `check`: says what is wrong, writes nothing. */
export async function checkCommand(context: CommandContext, sessionIDs: readonly string[]): Promise<ExitStatus> {
  const outcome = await checkWithProgress(context, sessionIDs);
  if (!outcome.ok) return withoutResult(context, outcome);
  answer(
    context,
    checkAnswer(outcome.result),
    checkText(outcome.result, context.terminal, { obstacle: await obstacle(context) }),
  );
  return outcome.result.verdict === "healthy" ? EXIT.done : EXIT.findings;
}
