import { ADD_YES, NOTHING_CHANGED } from "../words/answers/common.ts";
import type { CommandContext } from "./context.ts";

/**
 * Asks the user before a change. If the answer is no, it prints that nothing was changed. If no person can be asked,
 * the answer is no, and `hint` names the option that makes the change without a question.
 */
export async function isAgreed(
  { options, terminal }: Pick<CommandContext, "options" | "terminal">,
  question: string,
  hint: string = ADD_YES,
): Promise<boolean> {
  const show = options.json ? terminal.say : terminal.print;
  if (!terminal.interactive) {
    show(`${NOTHING_CHANGED} ${hint}`);
    return false;
  }
  const isYes = await terminal.ask(question);
  if (!isYes) show(NOTHING_CHANGED);
  return isYes;
}
