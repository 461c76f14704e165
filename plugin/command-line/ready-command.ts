import { TOOL } from "../tool-identity.ts";
import type { CommonOptions } from "./arguments.ts";

/** The store that the user named with --data-dir or --db. Every command in the answer names the same store. */
export type GivenStore = Pick<CommonOptions, "dataDir" | "database">;

/**
 * A command that a user can copy into a shell, called in the same way as this program. `args` does not contain the
 * program's name.
 */
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
 * Completes the commands in a sentence for the store that the user named. Only text between backticks that contains the
 * name of this program is completed. The name of a command alone (`repair`) stays as it is.
 */
export function withGivenStore(text: string, given: GivenStore): string {
  const more = storeOptions(given).map(shellWord).join(" ");
  return text.replace(COMMAND_IN_TEXT, (quoted, before: string, args: string) => {
    // The sign `…` stands for all arguments that the user typed, so nothing is added.
    if (args.includes("…")) return quoted;
    const isPlaced = more === "" || /(^| )--(data-dir|db)( |$)/.test(args);
    const start = /^(\w+=\S+ )*$/.test(before) ? `${before}${program()}` : `${before}${TOOL.name}`;
    return `\`${start}${args}${isPlaced ? "" : ` ${more}`}\``;
  });
}

const COMMAND_IN_TEXT = new RegExp(`\`((?:[^\`\\n]* )?)${TOOL.name}((?: [^\`\\n]*)?)\``, "g");

/**
 * The words with which the user called this program. A program that npx runs is not in the PATH, so users must type
 * `npx` again.
 */
function program(): string {
  return process.env.npm_command === "exec" ? `npx ${TOOL.name}` : TOOL.name;
}

/** The arguments of this call, with the option `option` instead of the options in `without`. */
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
