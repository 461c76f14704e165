import type { FileSystem } from "../platform/file-system.ts";
import { type CheckOutcome, check } from "../repair/check.ts";
import type { Located } from "../stores/locate.ts";
import { jsonText, type ProblemReason, problemAnswer } from "./answers.ts";
import type { CommonOptions } from "./arguments.ts";
import { surveyAside } from "./aside.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { readyCommand } from "./ready-command.ts";
import type { Terminal } from "./terminal.ts";
import { countsText } from "./text.ts";

/** What every command works with. */
export interface CommandContext {
  readonly files: FileSystem;
  readonly located: Located;
  readonly options: CommonOptions;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Prints the answer: the document on stdout with `--json`, else the text. */
export function answer(context: Pick<CommandContext, "options" | "terminal">, document: object, text: string): void {
  if (context.options.json) context.terminal.print(jsonText(document));
  else if (text !== "") context.terminal.print(text);
}

/** A command as a user can copy it, for the data directory or database that this call was given. */
export function commandHere({ options }: Pick<CommandContext, "options">, ...args: readonly string[]): string {
  const { dataDir, database } = options;
  return readyCommand([
    ...args,
    ...(dataDir === undefined ? [] : ["--data-dir", dataDir]),
    ...(database === undefined ? [] : ["--db", database]),
  ]);
}

/** Ends a command with one clear sentence. */
export function problem(
  context: Pick<CommandContext, "options" | "terminal">,
  message: string,
  status: ExitStatus,
  reason: ProblemReason | null = null,
): ExitStatus {
  if (context.options.json) context.terminal.print(jsonText(problemAnswer(message, reason)));
  context.terminal.complain(message);
  return status;
}

/** Ends a command whose check came to no result. */
export function withoutResult(
  context: Pick<CommandContext, "options" | "terminal">,
  { unknownSession }: CheckOutcome & { ok: false },
): ExitStatus {
  if (unknownSession !== null) return problem(context, "There is no session with this id.", EXIT.usage);
  return stopped(context, "Stopped before everything was checked. Nothing was changed.");
}

/** Ends a command that was interrupted before it could answer. */
export function stopped(context: Pick<CommandContext, "options" | "terminal">, message: string): ExitStatus {
  return problem(context, message, EXIT.refused, "stopped");
}

/** What is said where a change is complete and the check after it was interrupted. */
export const UNCHECKED = "Stopped before everything was checked again: what remains is not known. Run `check`.";

/** A check with progress on the terminal. */
export async function checkWithProgress(context: CommandContext, sessionIDs: readonly string[]): Promise<CheckOutcome> {
  return check({
    files: context.files,
    located: context.located,
    sessionIDs,
    concurrency: context.options.concurrency,
    signal: context.signal,
    surveyAside,
    onProgress: (counts) => context.terminal.progress(`Checking: ${countsText(counts)} …`),
  });
}
