import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import { nameFolder } from "../words/advice.ts";
import { commandFor, withGivenStore } from "../words/commands.ts";
import { released } from "../words/text-layout.ts";
import { jsonText, type ProblemReason, problemAnswer } from "./answers.ts";
import type { CommonOptions } from "./arguments.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import type { Terminal } from "./terminal.ts";

/** The values that every command gets. */
export interface CommandContext {
  readonly files: FileSystem;
  readonly located: Located;
  readonly options: CommonOptions;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** The values that a command needs to print its answer. */
type Answering = Pick<CommandContext, "options" | "terminal">;

/** Prints the answer: with `--json` the document on stdout, otherwise the text. */
export function answer(context: Answering, document: object, text: string): void {
  if (context.options.json) context.terminal.printDocument(jsonText(document));
  else if (text !== "") context.terminal.print(text);
}

/** A command that a user can copy, for the data directory or database of this call. */
export function commandHere({ options }: Pick<CommandContext, "options">, ...args: readonly string[]): string {
  return commandFor(options, ...args);
}

/** Ends a command with one clear sentence. */
export function problem(
  context: Answering,
  message: string,
  status: ExitStatus,
  reason: ProblemReason | null = null,
): ExitStatus {
  const said = withGivenStore(message, context.options);
  if (context.options.json) context.terminal.printDocument(jsonText(problemAnswer(released(said), reason)));
  context.terminal.complain(said);
  return status;
}

/** The message if there is no space for a private copy of the database. `evidence` says how much space it needs. */
export function noRoomMessage(
  { options }: Pick<CommandContext, "options">,
  evidence: string,
  ...args: string[]
): string {
  return `The database was not read, because there is not enough space for a private copy (${evidence}). ${nameFolder(commandFor(options, ...args))}`;
}

/** Ends a command that was interrupted before it could answer. */
export function stopped(context: Answering, message: string): ExitStatus {
  return problem(context, message, EXIT.refused, "stopped");
}

/** The message if a change is complete but the check after it was interrupted. */
export const UNCHECKED =
  "Stopped before everything was checked again: some problems may remain. Run `opencode-session-repair check`.";
