import { basename, dirname, resolve } from "node:path";
import { nodeFileSystem } from "../platform/file-system.ts";
import { quarantinePath } from "../quarantine/places.ts";
import { findSlugTrees } from "../stores/json/slug-tree.ts";
import { defaultDataDir, holdsStore, type Located, type LocateResult } from "../stores/locate.ts";
import { storeIn, storesNear } from "../stores/nearby.ts";
import { readyCommand } from "../words/commands.ts";
import { inOnePiece } from "../words/text-layout.ts";
import type { Command, CommonOptions } from "./arguments.ts";

/** The message suggests at most this many stores. */
const MOST_SUGGESTIONS = 3;

/** Commands that need only the quarantine, which may exist without a store. */
const OF_QUARANTINE: readonly Command["name"][] = ["runs", "purge", "restore"];

/** Whether a command has something to work on. */
export async function hasWork(command: Command, located: Located): Promise<boolean> {
  if (holdsStore(located)) return true;
  if (!OF_QUARANTINE.includes(command.name)) return false;
  return (await nodeFileSystem.list(quarantinePath(located.dataDir))) !== null;
}

/**
 * The message if there is no store. It names the place that was searched. If a store is nearby, it has the command for
 * that store.
 */
export async function noStoreMessage(
  args: readonly string[],
  options: Pick<CommonOptions, "dataDir" | "database">,
  found: LocateResult,
): Promise<string> {
  const env = process.env;
  const asked = resolve(options.database ?? options.dataDir ?? defaultDataDir(env));
  const commands = (await suggestions(options, asked, found)).map(({ option, path }) =>
    readyCommand(withOption(args, ["--data-dir", "--db"], option, path)),
  );
  const wayOut = commands.length === 0 ? "Use --data-dir or --db." : `Run: ${commands.join("   or: ")}`;
  return `${await lookedAt(asked, found)} ${wayOut}`;
}

async function lookedAt(asked: string, found: LocateResult): Promise<string> {
  if (!found.ok) return `${found.message} Looked at: ${inOnePiece(asked)}`;
  const chosen = process.env.OPENCODE_DB;
  const also = chosen ? `; the database that OPENCODE_DB names is not there` : "";
  if ((await findSlugTrees(nodeFileSystem, asked).catch(() => [])).length > 0) {
    return `Only sessions of opencode 0.x are in ${inOnePiece(asked)}: start opencode 1.2 or newer once, then run \`rescue\`.`;
  }
  return `No opencode data in ${inOnePiece(asked)}: the folder has no database and no storage/${also}.`;
}

interface Suggestion {
  readonly option: "--data-dir" | "--db";
  readonly path: string;
}

async function suggestions(
  options: Pick<CommonOptions, "dataDir" | "database">,
  asked: string,
  found: LocateResult,
): Promise<Suggestion[]> {
  const near: Located[] = [];
  // If OPENCODE_DB or --db names a file elsewhere, the folder itself may still have a store.
  const own = await storeIn(nodeFileSystem, options.database === undefined ? asked : dirname(asked));
  if (own !== null) near.push(own);
  near.push(...(await storesNear(nodeFileSystem, asked)));
  // The default place of opencode's data is tried too, in case the environment names another place.
  const { XDG_DATA_HOME: _, ...env } = process.env;
  for (const usual of [defaultDataDir(process.env), defaultDataDir(env)]) {
    const located = await storeIn(nodeFileSystem, usual);
    if (located !== null) near.push(located);
  }
  const paths = new Map<string, Suggestion>();
  // The path may be a database whose name opencode does not use. Then only `--db` finds it.
  if (!found.ok && found.reason === "not-a-folder" && (await isDatabase(asked))) {
    if (!near.some(({ databases }) => databases.includes(asked))) paths.set(asked, { option: "--db", path: asked });
  }
  for (const { dataDir, databases } of near) {
    const [database] = databases;
    const isChosenElsewhere = dataDir === asked && database !== undefined;
    paths.set(
      dataDir,
      isChosenElsewhere ? { option: "--db", path: database } : { option: "--data-dir", path: dataDir },
    );
  }
  return [...paths.values()].slice(0, MOST_SUGGESTIONS);
}

async function isDatabase(path: string): Promise<boolean> {
  const head = await nodeFileSystem.readPiece(path, 0, SQLITE_HEADER.length).catch(() => "absent" as const);
  return basename(path).endsWith(".db") || (head !== "absent" && head.toString("latin1") === SQLITE_HEADER);
}

/** The first bytes of every SQLite database (sqlite.org/fileformat.html). */
const SQLITE_HEADER = "SQLite format 3\0";

/** The arguments of this call, with the option `option` instead of the options in `without`. */
function withOption(args: readonly string[], without: readonly string[], option: string, value: string): string[] {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? "";
    const [name] = word.split("=");
    if (name === undefined || !without.includes(name)) kept.push(word);
    else if (!word.includes("=")) index += 1;
  }
  return [...kept, option, value];
}
