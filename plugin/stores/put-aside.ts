import { basename, join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { isOneSpelledTwice } from "../platform/spelling.ts";
import { databaseNamed, filesWithout, type Located, locate } from "./locate.ts";
import { loadDriver } from "./sqlite/driver.ts";

/**
 * Names that people and programs give to a copy of opencode's database: `.old`, `.bak`, ` 2.db`, `.sync-conflict-….db`,
 * `(… conflicted copy …)`, `_conflict-….db`, `Copy of opencode.db`, `opencode.db~`. Names of its side files (`-wal`,
 * `-shm`, `-journal`) do not match. A database with any other name is recognised by its tables, because `OPENCODE_DB`
 * may have named it.
 */
const COPY_NAME = /(?:^|[^A-Za-z0-9])opencode(?![A-Za-z])(?!.*-(?:wal|shm|journal)\b)/i;

const DATABASE_END = /\.(db|sqlite3?)$/i;

/** The first bytes of every SQLite database. */
const HEADER = "SQLite format 3\0";

/**
 * The paths of databases that opencode does not open by their names, such as copies, sorted by name. Symbolic links are
 * left out, because their target is listed by its own name.
 */
export async function databasesPutAside(
  files: FileSystem,
  { dataDir, databases, isDatabaseAlone }: Located,
): Promise<string[]> {
  const listed = (await files.list(dataDir).catch(() => null)) ?? [];
  // If the user named one database file, only names of copies count, because other databases beside it are unrelated.
  const isNamed = (name: string) => COPY_NAME.test(name) || (isDatabaseAlone !== true && DATABASE_END.test(name));
  // opencode itself opens a database with this name, so it is not a copy, even if the check reads only another
  // database.
  const named = listed.filter(
    ({ name, type }) => type === "file" && databaseNamed(dataDir, name) === undefined && isNamed(name),
  );
  const paths = named.map(({ name }) => join(dataDir, name));
  const found: string[] = [];
  // A database that is being checked is not opened here: closing it would drop the locks that SQLite has on it.
  for (const path of await filesWithout(files, paths, databases)) {
    const head = await files.readPiece(path, 0, HEADER.length).catch(() => "absent" as const);
    if (head === "absent" || head.toString("latin1") !== HEADER) continue;
    if (await isOfOpencode(path, COPY_NAME.test(basename(path)))) found.push(path);
  }
  return found;
}

/**
 * Whether a database may hold sessions of opencode. A plugin may keep a database of its own in the same folder. So a
 * file without the name of a copy must have all of opencode's tables. For a file with the name of a copy, a table of
 * sessions is enough. Changes no byte.
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

/**
 * The JSON files and databases of another data directory. `folder` is that directory, or a folder that contains it as
 * `opencode/`.
 */
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

/** Whether two paths lead to the same folder, even on a file system that ignores upper and lower case. */
async function isSameFolder(files: FileSystem, folder: string, other: string): Promise<boolean> {
  const [real, otherReal] = [await files.realPath(folder), await files.realPath(other)];
  if (real === null || otherReal === null) return false;
  if (real === otherReal || (await isOneSpelledTwice(files, real, otherReal))) return true;
  const [found, otherFound] = [await files.stat(real), await files.stat(otherReal)];
  return found !== null && found.inode === otherFound?.inode && found.device === otherFound.device;
}
