import type { Stopped } from "../repair/apply.ts";
import { TOOL } from "../tool-identity.ts";
import { DEFECT } from "../words/answers/common.ts";
import { jsonText, listAnswer } from "./answers.ts";
import { type Command, parseArguments } from "./arguments.ts";
import { problem } from "./context.ts";
import { EXIT } from "./exit-status.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

/** Runs the command line. Returns an exit status of docs/contract.md. */
export async function runCommandLine(args: readonly string[], signal: AbortSignal): Promise<number> {
  const parsed = parseArguments(args);
  if (!parsed.ok) {
    const options = { quiet: false, color: false, json: args.includes("--json") };
    const terminal = openTerminal(options, signal);
    return problem({ options: { ...options, concurrency: 1 }, terminal }, `${parsed.message} See --help.`, EXIT.usage);
  }
  const { command, options } = parsed;
  const terminal = openTerminal(options, signal);
  const text = await withoutStore(command, terminal);
  if (text !== null) {
    if (options.json) terminal.printDocument(jsonText(listAnswer(command.name === "version" ? {} : { text })));
    else if (command.name === "help") terminal.print(text);
    else terminal.printDocument(text);
    return EXIT.done;
  }
  try {
    // The code for stores is loaded on demand, so that `--version` and `--help` answer at once.
    const { runWithStore } = await import("./with-store.ts");
    return await runWithStore(args, command, options, terminal, signal);
  } catch (error) {
    const { kind, message } = await expectedFailure(error);
    return problem({ options, terminal }, message, kind === "refused" ? EXIT.refused : EXIT.failed);
  }
}

/** The answer of a command that needs no store; `null` for other commands. */
async function withoutStore(command: Command, terminal: Terminal): Promise<string | null> {
  switch (command.name) {
    case "version":
      return TOOL.version;
    case "help":
      return (await import("./help.ts")).helpText(command.of, terminal);
    case "completion":
      return (await import("./completion.ts")).completionScript(command.shell);
    default:
      return null;
  }
}

/**
 * One sentence about an error of the operating system. Any other error is a bug of this tool, and the sentence says so.
 */
async function expectedFailure(error: unknown): Promise<Stopped> {
  // The module is loaded only here, after an error, so that commands without an error start faster.
  const { stoppedBy } = await import("../repair/apply.ts");
  try {
    return stoppedBy(error);
  } catch {
    const name = error instanceof Error ? error.name : "error";
    const message = `This tool hit a bug (${name}). ${DEFECT.rest}`;
    return { kind: "failed", message };
  }
}
