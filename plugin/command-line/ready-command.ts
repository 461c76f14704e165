import { TOOL } from "../tool-identity.ts";

/** A command that a user can copy into a shell, for the way it was called: `args` without the program. */
export function readyCommand(args: readonly string[]): string {
  return [TOOL.name, ...args.map(shellWord)].join(" ");
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
