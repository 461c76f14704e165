import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { pathBelow, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import { errnoCode, type FileSystem } from "../platform/file-system.ts";
import { refusalOf } from "../platform/permissions.ts";
import { fileSystemWithin } from "../platform/pinned-folders.ts";
import { deadLinkNow } from "../platform/read-now.ts";
import { STORAGE } from "./json/layout.ts";

/** The user's settings that decide where opencode's data is. */
export interface LocateInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dataDir?: string;
  readonly database?: string;
}

export interface Located {
  readonly dataDir: string;
  /**
   * What `storage/` holds: records of opencode 1.0-1.1, or only session diffs (which opencode up to 1.14 also reads
   * beside a database), or neither.
   */
  readonly json: "records" | "diffs" | "none";
  /** Absolute paths of the databases. The database that opencode opens by default is first. */
  readonly databases: readonly string[];
  /** `true` if the user named this one database file. Then other files of the folder are not read. */
  readonly isDatabaseAlone?: true;
}

export type LocateResult =
  | { readonly ok: true; readonly located: Located }
  | {
      readonly ok: false;
      readonly reason: "missing" | "not-a-folder" | "no-such-database" | "denied";
      readonly message: string;
    };

/**
 * The home directory as opencode finds it (`os.homedir()` of Bun and Node): `HOME`, or `USERPROFILE` on Windows. On
 * Windows, opencode ignores a `HOME` that another program has set (Git Bash).
 */
export function homeIn(env: Readonly<Record<string, string | undefined>>): string {
  return (THIS_SYSTEM === "windows" ? env.USERPROFILE : env.HOME) || homedir();
}

/**
 * opencode's default data directory: `$XDG_DATA_HOME/opencode`, otherwise `~/.local/share/opencode`, on every operating
 * system (opencode's xdg-basedir rule).
 */
export function defaultDataDir(env: LocateInput["env"]): string {
  const base = env.XDG_DATA_HOME || join(homeIn(env), ".local", "share");
  return join(base, "opencode");
}

const DATABASE_NAME = /^opencode(-[A-Za-z0-9._-]+)?\.db$/;
/** The database that a stable release opens. A folder with this name keeps opencode from starting. */
const DEFAULT_DATABASE = "opencode.db";

const RECORD_FOLDERS = ["session", "message", "part", "project", "todo"];

/**
 * Finds the JSON files and databases in the way opencode finds them. With `--db`, only that database is read. With
 * `--data-dir`, an OPENCODE_DB outside that directory is ignored, so that a backup is never mixed with the live
 * database.
 */
export async function locate(files: FileSystem, input: LocateInput): Promise<LocateResult> {
  if (input.database !== undefined) return locateDatabase(files, input, resolve(input.database));
  const dataDir = resolve(input.dataDir ?? defaultDataDir(input.env));
  const refusal = refusalOf(dataDir, "read");
  if (refusal !== null) {
    return { ok: false, reason: "denied", message: `The data directory cannot be read: ${refusal.words}.` };
  }
  const found = await files.stat(dataDir);
  const folder = found?.type === "symlink" ? await files.list(dataDir) : found;
  if (found === null || folder === null) {
    const dead = deadLinkNow(dataDir);
    if (found?.type === "symlink" && dead !== null) {
      // The module is loaded only for this message.
      const { insteadOfFile } = await import("../words/sources.ts");
      return { ok: false, reason: "not-a-folder", message: `The data directory is ${insteadOfFile(dead)}.` };
    }
    if (dead === "ELOOP") {
      return { ok: false, reason: "not-a-folder", message: "A link above the data directory leads to itself." };
    }
    return { ok: false, reason: "missing", message: "This opencode data directory does not exist." };
  }
  if (found.type !== "directory" && found.type !== "symlink") {
    return { ok: false, reason: "not-a-folder", message: "The data directory is a file, not a folder." };
  }
  return {
    ok: true,
    located: await located(files, dataDir, await databases(files, dataDir, input)),
  };
}

async function located(files: FileSystem, dataDir: string, databases: readonly string[]): Promise<Located> {
  const json = await jsonContent(files, dataDir);
  // opencode 1.0-1.1 needs the folder `storage/` to start. So a file or a broken link in its place counts as a store,
  // and the check reports it.
  const isOther = json === "none" && databases.length === 0 && (await holdsNoFolder(files, join(dataDir, STORAGE)));
  return { dataDir, json: isOther ? "records" : json, databases };
}

async function holdsNoFolder(files: FileSystem, path: string): Promise<boolean> {
  return (await files.stat(path)) !== null && (await files.list(path)) === null;
}

/** Whether anything was found that opencode would load. */
export function holdsStore({ json, databases }: Located): boolean {
  return databases.length > 0 || json === "records";
}

/** The interface to files for changes in a data directory. It refuses symbolic links that lead out of the directory. */
export function filesOf({ dataDir, databases }: Located): FileSystem {
  return fileSystemWithin(dataDir, [join(dataDir, STORAGE), ...databases.map((database) => dirname(database))]);
}

async function locateDatabase(files: FileSystem, input: LocateInput, database: string): Promise<LocateResult> {
  const found = await files.stat(database);
  if (found?.type === "directory") {
    return { ok: false, reason: "no-such-database", message: "This path is a folder, not a database file." };
  }
  // A missing database file is an error only if there is no WAL either. The WAL may be all that remains of a database,
  // and `salvage` can read a WAL alone.
  if (found === null && (await files.stat(`${database}-wal`)) === null) {
    return { ok: false, reason: "no-such-database", message: "This database file does not exist." };
  }
  const dataDir = resolve(input.dataDir ?? join(database, ".."));
  return { ok: true, located: { dataDir, json: "none", databases: [database], isDatabaseAlone: true } };
}

async function jsonContent(files: FileSystem, dataDir: string): Promise<Located["json"]> {
  const entries = await files.list(join(dataDir, STORAGE)).catch((error: unknown) => {
    if (errnoCode(error) === "EACCES" || errnoCode(error) === "EPERM") return "denied" as const;
    throw error;
  });
  // If the folder exists but may not be read, it counts as a store, so that the check reports the denied access.
  if (entries === "denied") return "records";
  if (entries === null) return "none";
  const folders = entries.filter((entry) => entry.type !== "file").map((entry) => entry.name);
  if (folders.some((name) => RECORD_FOLDERS.includes(name))) return "records";
  return folders.includes("session_diff") ? "diffs" : "none";
}

/** The path of a database with this name; `undefined` if opencode never gives a database this name. */
export function databaseNamed(dataDir: string, name: string): string | undefined {
  return DATABASE_NAME.test(name) ? join(dataDir, name) : undefined;
}

/**
 * Symbolic links can give one database several names. Of these names, the name that is not a link is kept, or otherwise
 * the first.
 */
async function withoutOtherNames(files: FileSystem, paths: readonly string[]): Promise<string[]> {
  if (paths.length < 2) return [...paths];
  const named: { readonly path: string; readonly real: string; readonly isLink: boolean }[] = [];
  for (const path of paths) {
    const isLink = (await files.stat(path))?.type === "symlink";
    named.push({ path, real: (await files.realPath(path).catch(() => null)) ?? path, isLink });
  }
  const nameOf = (real: string) => {
    const same = named.filter((each) => each.real === real);
    return same.find(({ isLink }) => !isLink) ?? same[0];
  };
  return named.filter((each) => nameOf(each.real) === each).map(({ path }) => path);
}

async function databases(files: FileSystem, dataDir: string, input: LocateInput): Promise<string[]> {
  const chosen = input.env.OPENCODE_DB;
  if (chosen !== undefined && chosen !== "") {
    if (chosen === ":memory:") return [];
    const path = isAbsolute(chosen) ? resolve(chosen) : join(dataDir, chosen);
    const elsewhere = input.dataDir !== undefined && !pathBelow(path, dataDir);
    if (!elsewhere) return (await files.stat(path)) === null ? [] : [path];
  }
  return databasesIn(files, dataDir);
}

/** The `paths` that do not lead to a file of `others`. A file may have several paths through symbolic links. */
export async function filesWithout(
  files: FileSystem,
  paths: readonly string[],
  others: readonly string[],
): Promise<string[]> {
  const real = async (path: string) => (await files.realPath(path).catch(() => null)) ?? path;
  const known = new Set([...others, ...(await Promise.all(others.map(real)))]);
  const found: string[] = [];
  for (const path of paths) if (!known.has(path) && !known.has(await real(path))) found.push(path);
  return found;
}

/** The databases of a data directory whose names are names that opencode gives. The default database is first. */
export async function databasesIn(files: FileSystem, dataDir: string): Promise<string[]> {
  const names = ((await files.list(dataDir)) ?? []).flatMap(({ name, type }) =>
    type === "directory" && name !== DEFAULT_DATABASE ? [] : [name],
  );
  // The WAL may be all that remains of a database. So the name of a WAL counts as the name of its database.
  const found = names.map((name) => name.replace(/\.db-wal$/, ".db")).filter((name) => DATABASE_NAME.test(name));
  const paths = [...new Set(found)].map((name) => join(dataDir, name));
  return withoutOtherNames(
    files,
    paths.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)),
  );
}
