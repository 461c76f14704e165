import { otherHomes } from "../stores/other-homes.ts";
import { printable } from "../words/text-layout.ts";
import { type CommandContext, commandHere } from "./context.ts";

/**
 * Other data directories of opencode on this machine, for a check or rescue of one; none if only a file was named.
 * `fromData`: the one that the user also named.
 */
export async function otherData(
  { files, located, options }: CommandContext,
  fromData: string | null,
): Promise<readonly string[]> {
  if (options.database !== undefined) return [];
  const known = [located.dataDir, ...(fromData === null ? [] : [fromData])];
  return otherHomes(files, { env: process.env, known, isNamed: options.dataDir !== undefined });
}

/** One line for each directory, with the command that shows what only it has. */
export function otherDataLines(context: CommandContext, directories: readonly string[]): string[] {
  return directories.flatMap((directory) => [
    `There is other data of opencode in ${printable(directory)}. What only it has:`,
    `  ${commandHere(context, "rescue", "--from-data", directory)}`,
  ]);
}
