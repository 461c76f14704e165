import { sep } from "node:path";

/** The name of this program. */
export const PROGRAM = "opencode-session-repair";

/** The store that the user named with --data-dir or --db. Every command in the answer names the same store. */
export interface GivenStore {
  readonly dataDir?: string;
  readonly database?: string;
}

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

/**
 * A command for a user of the plugin. The plugin is not in the PATH of a shell, so npx must run the command.
 */
export function npxCommand(...args: readonly string[]): string {
  return ["npx", PROGRAM, ...args.map(shellWord)].join(" ");
}

/** A command that also gets a Node with SQLite from npx. */
export function commandWithNode(...args: readonly string[]): string {
  return ["npx -p node@24 -p", PROGRAM, PROGRAM, ...args.map(shellWord)].join(" ");
}

function storeOptions({ dataDir, database }: GivenStore): string[] {
  return [
    ...(dataDir === undefined ? [] : optionWith("--data-dir", dataDir)),
    ...(database === undefined ? [] : optionWith("--db", database)),
  ];
}

/** An option and its value. A value that begins with "-" would be read as another option, if it were a word of its own. */
function optionWith(option: string, value: string): string[] {
  return value.startsWith("-") ? [`${option}=${value}`] : [option, value];
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
    const isPlaced = more === "" || /(^| )--(data-dir|db)( |=|$)/.test(args);
    const start = isCalledByName(before) ? `${before}${program()}` : `${before}${PROGRAM}`;
    return `\`${start}${args}${isPlaced ? "" : ` ${more}`}\``;
  });
}

/** Completes the commands in a sentence for a user of the plugin, as {@link npxCommand} does. */
export function withNpx(text: string): string {
  return text.replace(COMMAND_IN_TEXT, (quoted, before: string, args: string) =>
    isCalledByName(before) ? `\`${before}npx ${PROGRAM}${args}\`` : quoted,
  );
}

/** Where a command begins that is not between backticks; `null` if the line has none. */
export function commandStart(line: string): number | null {
  const at = line.replace(/`[^`]*`/g, (quoted) => " ".repeat(quoted.length)).search(OPEN_COMMAND);
  return at < 0 ? null : at;
}

const OPEN_COMMAND = new RegExp(`(npx (-p \\S+ )*)?${PROGRAM} `);

const COMMAND_IN_TEXT = new RegExp(`\`((?:[^\`\\n]* )?)${PROGRAM}((?: [^\`\\n]*)?)\``, "g");

/** Whether only settings of the environment are before the program's name: the command does not begin with npx. */
function isCalledByName(before: string): boolean {
  return /^(\w+=\S+ )*$/.test(before);
}

/**
 * The words with which the user called this program. A program that npx runs is not in the PATH, so users must type
 * `npx` again.
 */
function program(): string {
  return process.env.npm_command === "exec" ? `npx ${PROGRAM}` : PROGRAM;
}

/**
 * Quotes a word for a POSIX shell. PowerShell and cmd.exe accept plain paths in the same way, but a POSIX shell removes
 * the backslashes of a Windows path that is not quoted.
 */
function shellWord(word: string): string {
  const isPlain = /^[\w@%+=:,./\\~-]+$/.test(word) && (sep === "\\" || !word.includes("\\"));
  return isPlain ? word : shellQuoted(word);
}

/** A text between quotes, as one word for a POSIX shell. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
