import { otherHomes } from "../stores/other-homes.ts";
import { inOnePiece } from "../words/text-layout.ts";
import { type CommandContext, commandHere } from "./context.ts";

/**
 * Other data directories of opencode on this machine that have a session or message which is missing here. The list is
 * empty if the user named a database file. `fromData` is the directory that the user named with --from-data.
 */
export async function otherDataNote(
  { files, located, options }: CommandContext,
  fromData: string | null,
): Promise<readonly string[]> {
  if (options.database !== undefined) return [];
  const known = [located.dataDir, ...(fromData === null ? [] : [fromData])];
  const homes = await otherHomes(files, { env: process.env, known, isNamed: options.dataDir !== undefined });
  if (homes.length === 0) return [];
  const { hasMore } = await import("../rescue/more-elsewhere.ts");
  const found: string[] = [];
  for (const dataDir of homes) if (await hasMore(files, located, dataDir)) found.push(dataDir);
  return found;
}

/** For each directory, a line and the command that lists the sessions which only that directory has. */
export function otherDataLines(context: CommandContext, directories: readonly string[]): string[] {
  return directories.flatMap((directory) => [
    `opencode also has data in ${inOnePiece(directory)}. To list the sessions that only this directory has:`,
    `  ${commandHere(context, "rescue", "--from-data", directory)}`,
  ]);
}
