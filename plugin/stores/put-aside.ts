import { basename, join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { isOneSpelledTwice } from "../platform/spelling.ts";
import { databaseNamed, type Located, locate } from "./locate.ts";
import { loadDriver } from "./sqlite/driver.ts";

/**
 * Names that people and programs give a copy of a database: `.old`, `.bak`, ` 2.db`, `.sync-conflict-….db`, `(…
 * conflicted copy …)`, `_conflict-….db`, `Copy of opencode.db`, `opencode.db~`. The names of side files do not match.
 */
const COPY_NAME = /(?:^|[^A-Za-z0-9])opencode(?![A-Za-z])(?!.*-(?:wal|shm|journal)\b)/i;

/** The first bytes of every SQLite database. */
const HEADER = "SQLite format 3\0";

/**
 * Copies of databases under names that opencode does not open. Links are left out, because their target is listed under
 * its own name. Paths, sorted by name.
 */
export async function databasesPutAside(files: FileSystem, { dataDir, databases }: Located): Promise<string[]> {
  const found: string[] = [];
  for (const { name, type } of (await files.list(dataDir).catch(() => null)) ?? []) {
    const path = join(dataDir, name);
    // A name that opencode itself uses is never that of a copy, even if only another database is checked.
    if (databaseNamed(dataDir, name) !== undefined || databases.includes(path)) continue;
    if (type !== "file" || !COPY_NAME.test(name)) continue;
    const head = await files.readPiece(path, 0, HEADER.length).catch(() => "absent" as const);
    if (head === "absent" || head.toString("latin1") !== HEADER) continue;
    if (!(await isOfOtherProgram(path))) found.push(path);
  }
  return found;
}

/**
 * Whether a database can be read but has no sessions of any opencode: a plugin may keep its data here. Changes no byte.
 */
async function isOfOtherProgram(path: string): Promise<boolean> {
  const driver = await loadDriver();
  try {
    const connection = driver?.open(path, "immutable");
    if (connection === undefined) return false;
    try {
      const tables = connection.all("select name from sqlite_schema where name in ('session', 'sessions')");
      return tables.length === 0;
    } finally {
      connection.close();
    }
  } catch {
    // A database that is damaged, or cannot be read this way, may be a copy.
    return false;
  }
}

export type OtherData =
  | { readonly ok: true; readonly located: Located }
  | { readonly ok: false; readonly message: string };

/** The stores of another data directory, or of the one below a folder that contains `opencode/`. */
export async function otherData(files: FileSystem, folder: string, own: Located): Promise<OtherData> {
  for (const dataDir of basename(folder) === "opencode" ? [folder] : [folder, join(folder, "opencode")]) {
    const found = await locate(files, { env: {}, dataDir });
    if (!found.ok) continue;
    const { located } = found;
    if (await isSameFolder(files, dataDir, own.dataDir)) {
      return { ok: false, message: "The folder of --from-data is the data directory itself." };
    }
    const databases = [...located.databases, ...(await databasesPutAside(files, located))];
    if (databases.length > 0 || located.json === "records") return { ok: true, located: { ...located, databases } };
  }
  const isThere = (await files.realPath(folder).catch(() => null)) !== null;
  return {
    ok: false,
    message: isThere
      ? "There is no data of opencode in the folder of --from-data."
      : "The folder of --from-data does not exist.",
  };
}

/** Whether two paths lead to one folder, also if the file system ignores upper and lower case. */
async function isSameFolder(files: FileSystem, folder: string, other: string): Promise<boolean> {
  const [real, otherReal] = [await files.realPath(folder), await files.realPath(other)];
  if (real === null || otherReal === null) return false;
  if (real === otherReal || (await isOneSpelledTwice(files, real, otherReal))) return true;
  const [found, otherFound] = [await files.stat(real), await files.stat(otherReal)];
  return found !== null && found.inode === otherFound?.inode && found.device === otherFound.device;
}
