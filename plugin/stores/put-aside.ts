import { basename, join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { isOneSpelledTwice } from "../platform/spelling.ts";
import { databaseNamed, filesWithout, type Located, locate } from "./locate.ts";
import { loadDriver } from "./sqlite/driver.ts";

/**
 * Names that people and programs give a copy of a database: `.old`, `.bak`, ` 2.db`, `.sync-conflict-….db`, `(…
 * conflicted copy …)`, `_conflict-….db`, `Copy of opencode.db`, `opencode.db~`. The names of its side files do not
 * match. A database under any other name counts if it has the tables of opencode: `OPENCODE_DB` may have named it.
 */
const COPY_NAME = /(?:^|[^A-Za-z0-9])opencode(?![A-Za-z])(?!.*-(?:wal|shm|journal)\b)/i;

const DATABASE_END = /\.(db|sqlite3?)$/i;

/** The first bytes of every SQLite database. */
const HEADER = "SQLite format 3\0";

/**
 * Copies of databases under names that opencode does not open. Links are left out, because their target is listed under
 * its own name. Paths, sorted by name.
 */
export async function databasesPutAside(
  files: FileSystem,
  { dataDir, databases, isDatabaseAlone }: Located,
): Promise<string[]> {
  const listed = (await files.list(dataDir).catch(() => null)) ?? [];
  // If the user named one file, another database beside it has nothing to do with it.
  const isNamed = (name: string) => COPY_NAME.test(name) || (isDatabaseAlone !== true && DATABASE_END.test(name));
  // A name that opencode itself uses is never that of a copy, even if only another database is checked.
  const named = listed.filter(
    ({ name, type }) => type === "file" && databaseNamed(dataDir, name) === undefined && isNamed(name),
  );
  const paths = named.map(({ name }) => join(dataDir, name));
  const found: string[] = [];
  // To open and close a database that is being checked would give up the locks that SQLite has on it here.
  for (const path of await filesWithout(files, paths, databases)) {
    const head = await files.readPiece(path, 0, HEADER.length).catch(() => "absent" as const);
    if (head === "absent" || head.toString("latin1") !== HEADER) continue;
    if (await isOfOpencode(path, COPY_NAME.test(basename(path)))) found.push(path);
  }
  return found;
}

/**
 * Whether a database may have sessions of opencode. A plugin may keep one of its own here. If the name does not speak for
 * it, the tables must. Changes no byte.
 */
async function isOfOpencode(path: string, isCopyName: boolean): Promise<boolean> {
  const driver = await loadDriver();
  try {
    const connection = driver?.open(path, "immutable");
    if (connection === undefined) return isCopyName;
    try {
      const names = connection.all("select name from sqlite_schema where type = 'table'").map(({ name }) => name);
      return isCopyName
        ? names.includes("session") || names.includes("sessions")
        : ["project", "session", "message", "part"].every((name) => names.includes(name));
    } finally {
      connection.close();
    }
  } catch {
    return isCopyName;
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
