import { TOOL } from "../tool-identity.ts";
import type { CommonOptions } from "./arguments.ts";

/** The store that this call was given. Every command in its answer names the same store. */
export type GivenStore = Pick<CommonOptions, "dataDir" | "database">;

/** A command that a user can copy into a shell, in the way this program was called. `args`: without the program. */
export function readyCommand(args: readonly string[]): string {
  return [program(), ...args.map(shellWord)].join(" ");
}

/** A command that a user can copy, for the data directory or database of this call. */
export function commandFor(given: GivenStore, ...args: readonly string[]): string {
  return readyCommand([...args, ...storeOptions(given)]);
}

function storeOptions({ dataDir, database }: GivenStore): string[] {
  return [
    ...(dataDir === undefined ? [] : ["--data-dir", dataDir]),
    ...(database === undefined ? [] : ["--db", database]),
  ];
}

/**
 * Completes the commands in a sentence for the store of this call. Such a command is between backticks, and begins with
 * the program's name. A command name alone (`repair`) cannot be copied and stays as it is.
 */
export function withGivenStore(text: string, given: GivenStore): string {
  const more = storeOptions(given).map(shellWord).join(" ");
  return text.replace(COMMAND_IN_TEXT, (quoted, before: string, args: string) => {
    // `…` stands for everything that the user typed.
    if (args.includes("…")) return quoted;
    const isPlaced = more === "" || /(^| )--(data-dir|db)( |$)/.test(args);
    const start = /^(\w+=\S+ )*$/.test(before) ? `${before}${program()}` : `${before}${TOOL.name}`;
    return `\`${start}${args}${isPlaced ? "" : ` ${more}`}\``;
  });
}

const COMMAND_IN_TEXT = new RegExp(`\`((?:[^\`\\n]* )?)${TOOL.name}((?: [^\`\\n]*)?)\``, "g");

/** The name with which the user called this program: npx does not add it to the PATH. */
function program(): string {
  return process.env.npm_command === "exec" ? `npx ${TOOL.name}` : TOOL.name;
}

/** The arguments of this call; another value replaces the options of this kind. */
export function withOption(
  args: readonly string[],
  without: readonly string[],
  option: string,
  value: string,
): string[] {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? "";
    const [name] = word.split("=");
    if (name === undefined || !without.includes(name)) kept.push(word);
    else if (!word.includes("=")) index += 1;
  }
  return [...kept, option, value];
}

/** Quotes a word for a POSIX shell. PowerShell and cmd.exe accept plain paths in the same way. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./\\~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
