import { TOOL } from "../tool-identity.ts";
import type { CommonOptions } from "./arguments.ts";

/** Where this call looks, if it was told: every command that it names looks there too. */
export type GivenStore = Pick<CommonOptions, "dataDir" | "database">;

/** A command that a user can copy into a shell, for the way it was called: `args` without the program. */
export function readyCommand(args: readonly string[]): string {
  return [program(), ...args.map(shellWord)].join(" ");
}

/** The same for the data directory or database that this call was given. */
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
 * The commands in a sentence, for the store that this call was given. A command stands between backticks and names the
 * program; what names only a command of it (`repair`) is not one that can be copied, and stays.
 */
export function withGivenStore(text: string, given: GivenStore): string {
  const more = storeOptions(given).map(shellWord).join(" ");
  return text.replace(COMMAND_IN_TEXT, (quoted, before: string, args: string) => {
    // "…" stands for everything that was typed.
    if (args.includes("…")) return quoted;
    const isPlaced = more === "" || /(^| )--(data-dir|db)( |$)/.test(args);
    const start = /^(\w+=\S+ )*$/.test(before) ? `${before}${program()}` : `${before}${TOOL.name}`;
    return `\`${start}${args}${isPlaced ? "" : ` ${more}`}\``;
  });
}

const COMMAND_IN_TEXT = new RegExp(`\`((?:[^\`\\n]* )?)${TOOL.name}((?: [^\`\\n]*)?)\``, "g");

/** How this program is called here: npx leaves it in no folder of the PATH. */
function program(): string {
  return process.env.npm_command === "exec" ? `npx ${TOOL.name}` : TOOL.name;
}

/** The arguments of this call without its options of this kind, and with another one instead. */
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

/** As a POSIX shell takes it for one word; PowerShell and cmd.exe take plain paths the same way. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./\\~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
