import { basename, dirname } from "node:path";
import { signsOf, systemOfStore, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import { demandsOf, lineNamed, lineOfFiles, linesOfDatabase } from "../hosts/store-line.ts";
import type { Severity } from "../model/finding.ts";
import type { Origin } from "../model/origin.ts";
import type { LineName, PathSystem, StoreDescription } from "../model/store-description.ts";
import type { StoreProblem, StoreProblemCode } from "../model/store-problem.ts";
import { errnoCode, type FileStat, type FileSystem } from "../platform/file-system.ts";
import { leadsToNewFile, targetStatNow } from "../platform/read-now.ts";
import { JsonStore } from "./json/json-store.ts";
import type { Located } from "./locate.ts";
import type { Access, OpenedStore } from "./opened-store.ts";
import { type Connection, type Driver, loadDriver } from "./sqlite/driver.ts";
import { SESSIONS_OF_PREVIEW } from "./sqlite/origin.ts";
import type { ReadView } from "./sqlite/read-view.ts";
import { readSchema, type Schema } from "./sqlite/schema.ts";
import { resultName, sqliteFailure } from "./sqlite/sqlite-error.ts";
import { SqliteStore } from "./sqlite/sqlite-store.ts";

/**
 * Opens every store (JSON files or a database) that was found, for reading. A store that cannot be opened is a value in
 * the list, not an error. `hostVersion` is the version of the opencode that will load the stores. If `hostVersion` is
 * `null`, the version of the newest session is used.
 */
export async function openStores(
  files: FileSystem,
  located: Located,
  access: Access,
  hostVersion: string | null = null,
): Promise<OpenedStore[]> {
  const opened: OpenedStore[] = [];
  for (const database of located.databases) {
    opened.push(await openDatabase(files, located.dataDir, database, access, hostVersion));
  }
  const reader = opened.find((store) => store.state === "ok")?.description.sessionDiffReader ?? null;
  if (located.json === "records" || (located.json === "diffs" && reader !== null)) {
    const isBesideDatabase = located.databases.length > 0;
    opened.push(await openJson(files, located.dataDir, reader, access, hostVersion, isBesideDatabase));
  }
  return opened;
}

/**
 * Opens the JSON files of a data directory. `reader`: the version range of opencode that reads session diffs next to a
 * database. `isBesideDatabase`: the data directory has a database too, so opencode may read its sessions from there.
 */
export async function openJson(
  files: FileSystem,
  dataDir: string,
  reader: StoreDescription["sessionDiffReader"],
  access: Access,
  knownVersion: string | null,
  isBesideDatabase: boolean,
): Promise<OpenedStore> {
  // Inside opencode, the running version loads the files, whatever version wrote them.
  const newest = access === "outside" || knownVersion === null ? await askNewest(files, dataDir) : null;
  const hostVersion = knownVersion ?? newest?.version ?? null;
  const description: StoreDescription = {
    generation: "json",
    dataDir,
    contract: "syntax",
    hostVersion,
    sessionDiffReader: reader ?? (hostVersion === null ? "1.0" : lineOfFiles(hostVersion)),
    system: access === "outside" && newest !== null ? systemOfStore([signsOf(newest.folders)]) : THIS_SYSTEM,
  };
  return {
    state: "ok",
    description,
    store: new JsonStore(files, description, access === "outside", isBesideDatabase),
    origin: null,
    sessionsOf2x: () => 0,
    half2x: null,
    openWriter: async () => {
      const { JsonWriter } = await import("./json/json-writer.ts");
      return new JsonWriter(files, dataDir);
    },
    unchanged: async () => true,
  };
}

/**
 * Reads the newest sessions to find out which opencode version wrote them. Inside opencode this is not needed, because
 * the running version is known.
 */
async function askNewest(files: FileSystem, dataDir: string) {
  const { newestSessions } = await import("./json/newest-session.ts");
  return newestSessions(files, dataDir);
}

async function openDatabase(
  files: FileSystem,
  dataDir: string,
  database: string,
  access: Access,
  knownVersion: string | null,
): Promise<OpenedStore> {
  const unread: StoreDescription = {
    generation: "sqlite",
    dataDir,
    database,
    contract: "strict",
    hostVersion: null,
    sessionDiffReader: null,
  };
  const unusable = (code: StoreProblemCode, evidence: string, severity: Severity = "blocking"): OpenedStore => ({
    state: "unusable",
    description: unread,
    problem: { code, severity, evidence },
    origin: null,
  });
  const damaged = async (code: StoreProblemCode, evidence: string): Promise<OpenedStore> => {
    // Inside opencode's process, files of the database may be opened only through SQLite.
    if (access === "beside-host") return unusable(code, evidence);
    const { openedDamaged } = await import("./other-databases.ts");
    return openedDamaged(unread, code, evidence);
  };
  const found = await files.stat(database);
  // SQLite keeps the side files next to the target of a symbolic link.
  const real = found?.type === "symlink" ? await files.realPath(database).catch(() => database) : database;
  if (found?.type === "symlink" && leadsToNewFile(database)) {
    return unusable("database-empty", "a link to a file that does not exist");
  }
  for (const suffix of ["", "-wal", "-shm", "-journal"] as const) {
    const path = suffix === "" ? database : `${real}${suffix}`;
    // If the system does not say what a side file is, the code that reads the database reports that.
    const stands = noFile(suffix === "" ? found : await files.stat(path).catch(() => null), path, suffix);
    if (stands !== null) return unusable("database-is-folder", `${basename(database)}${suffix}: ${stands}`);
  }
  if (found === null && (await files.stat(`${database}-wal`)) !== null)
    return damaged("wal-without-database", "no file");
  // The whole database may still be in its WAL, while the main file has zero bytes. So an empty file is a loss only
  // without a WAL.
  if (found?.size === 0 && ((await files.stat(`${database}-wal`))?.size ?? 0) === 0) {
    return unusable("database-empty", "0 bytes");
  }
  const driver = await loadDriver();
  if (driver === null) return unusable("no-sqlite-runtime", `Node ${process.versions.node}`);
  const openWriter = async (schema: Schema) => {
    const { SqliteWriter } = await import("./sqlite/sqlite-writer.ts");
    return SqliteWriter.open(files, () => driver.open(database, "write"), schema);
  };
  let view: ReadView | null = null;
  try {
    view = await openView(files, driver, database, access);
    const read = readSchema(view.connection);
    const schema = { ...read, origin: await provedOrigin(read, view.connection) };
    if (schema.missing.length > 0) {
      closeView(view);
      // The module for databases without the tables of opencode is loaded only if there is a problem, so that a start
      // of opencode without problems loads less code.
      const { withoutTables } = await import("./other-databases.ts");
      const open = () => openView(files, driver, database, access);
      return withoutTables(schema, unread, access === "outside", open, () => openWriter(schema));
    }
    const { connection } = view;
    const newest = newestVersion(connection, schema);
    const hostVersion = knownVersion ?? newest;
    const lines = linesOfDatabase(schema, knownVersion, newest);
    const running = knownVersion === null ? {} : { running: knownVersion };
    const system = access === "outside" ? await systemOf(connection, schema) : THIS_SYSTEM;
    const description: StoreDescription = { ...unread, ...readersOf(lines), hostVersion, lines, ...running, system };
    return {
      state: "ok",
      description,
      store: new SqliteStore(description, schema, view),
      origin: schema.origin,
      sessionsOf2x: () => sessionsOfPreview(connection, schema),
      half2x: { schema, read: async (work) => work(connection), openWriter: () => openWriter(schema) },
      openWriter: () => openWriter(schema),
      unchanged: view.unchanged,
    };
  } catch (error) {
    if (view !== null) closeView(view);
    if (access !== "beside-host") {
      const { NoRoomForCopyError } = await import("./sqlite/private-copy.ts");
      if (error instanceof NoRoomForCopyError) return unusable("no-room-for-copy", error.evidence, "warning");
    }
    const { code, evidence } = problemOf(error);
    if (access === "beside-host") return unusable(code, evidence);
    const denied = code === "database-unavailable" ? await whyDenied(database) : null;
    if (denied !== null) return unusable("access-denied", denied);
    if (code === "database-unavailable") return unusable(code, await withLockers(files, database, evidence));
    return damaged(code, evidence);
  }
}

/**
 * What is in the place of a database file, if it is not a file; otherwise `null`. It must not be opened: opening a
 * named pipe, for example, would wait for another program. If this user may not see where a symbolic link leads, the
 * result is `null`, because another check reports that.
 */
function noFile(found: FileStat | null, path: string, suffix: "" | "-wal" | "-shm" | "-journal"): string | null {
  if (found === null || found.type === "file") return null;
  if (found.type !== "symlink") return found.type === "directory" ? "a folder" : "no file";
  try {
    const target = targetStatNow(path);
    // Except on Windows, SQLite opens no link as a side file. But it takes a journal without content for a missing one.
    const isOpened = suffix !== "-journal" || (target !== undefined && !(target.isFile() && target.size === 0));
    if (suffix !== "" && THIS_SYSTEM === "posix") return isOpened ? "a link" : null;
    if (target === undefined) return suffix === "" ? "a dead link" : null;
    if (target.isFile()) return null;
    return target.isDirectory() ? "a folder" : "no file";
  } catch {
    return null;
  }
}

/**
 * Examines a database that a newer opencode may have written: which changes to it are safe. The code for that is loaded
 * only for such a database.
 */
async function provedOrigin(schema: Schema, connection: Connection): Promise<Origin> {
  const { origin, missing } = schema;
  if ((origin.kind !== "newer" && origin.kind !== "1.x and 2.x") || missing.length > 0) return origin;
  return (await import("./sqlite/known-shape.ts")).withKnownShape(origin, connection, schema);
}

async function systemOf(connection: Connection, schema: Schema): Promise<PathSystem> {
  const { folderSigns } = await import("./sqlite/folder-signs.ts");
  return systemOfStore(folderSigns(connection, schema));
}

function sessionsOfPreview(connection: Connection, { tables, origin }: Schema): number {
  if (origin.kind !== "1.x") return 0;
  const columns = tables.get("session_message");
  if (columns?.includes("type") !== true || !columns.includes("session_id")) return 0;
  try {
    return Number(connection.all(SESSIONS_OF_PREVIEW)[0]?.sessions ?? 0);
  } catch (error) {
    // If pages are damaged, no session is counted here, because another check reports the damage.
    if (sqliteFailure(error) === "malformed") return 0;
    throw error;
  }
}

async function openView(files: FileSystem, driver: Driver, database: string, access: Access): Promise<ReadView> {
  // Some code is not needed when opencode starts without problems. That code is loaded only when it is used.
  if (access === "outside") return (await import("./sqlite/read-view.ts")).openReadView(files, driver, database);
  const connection = driver.open(database, "read");
  connection.exec("pragma busy_timeout = 250");
  return { connection, source: null, unchanged: async () => true, release: () => undefined };
}

/** How the likeliest version range of opencode reads a database. */
function readersOf([likeliest]: readonly LineName[]): Pick<StoreDescription, "contract" | "sessionDiffReader"> {
  if (likeliest === undefined) return { contract: "strict", sessionDiffReader: null };
  return demandsOf(lineNamed(likeliest));
}

function closeView(view: ReadView): void {
  view.connection.close();
  view.release();
}

function newestVersion(connection: Connection, { tables }: Schema): string | null {
  const columns = tables.get("session");
  if (columns?.includes("version") !== true || !columns.includes("time_created")) return null;
  const row = connection.all(
    `select version from session where version glob '[0-9]*.[0-9]*.[0-9]*' and typeof(time_created) = 'integer'
     order by time_created desc limit 1`,
  )[0];
  const version = row?.version;
  return typeof version === "string" && /^\d+\.\d+\.\d+/.test(version) ? version : null;
}

/** Why this user can never open a database; `null` if the user can. */
async function whyDenied(database: string): Promise<string | null> {
  const { refusalOf } = await import("../platform/permissions.ts");
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    const refusal = refusalOf(database + suffix, "read");
    if (refusal !== null) return suffix === "" ? refusal.words : `its ${suffix} is ${refusal.words}`;
  }
  return refusalOf(dirname(database), "read")?.words ?? null;
}

/** Adds the names of the processes that lock the database to the evidence, if the system shows them. */
async function withLockers(files: FileSystem, database: string, evidence: string): Promise<string> {
  const { openersText } = await import("../platform/open-files.ts");
  const { openFiles, isHeldOpen } = await (await import("../platform/this-system.ts")).thisSystem();
  if (isHeldOpen !== null) {
    const read = await files.readPiece(database, 0, 1).catch((error: unknown) => errnoCode(error));
    return read === "EBUSY" ? `${evidence}: another program holds the file` : evidence;
  }
  const found = [];
  for (const path of [database, `${database}-shm`]) {
    const stat = await files.stat(path);
    if (stat !== null) found.push(...((await openFiles?.exclusiveLockersOf(path, stat.inode)) ?? []));
  }
  return found.length === 0 ? evidence : `${evidence}: locked by ${openersText(found.slice(0, 1))}`;
}

/**
 * What an error during opening or reading says about a database.
 * @throws the error itself, if neither SQLite nor the operating system reported it. Such an error says nothing about
 * the database.
 */
export function problemOf(error: unknown): StoreProblem {
  const failure = sqliteFailure(error);
  switch (failure) {
    case "not-a-database":
      return { code: "not-a-database", severity: "blocking", evidence: "no SQLite header" };
    case "malformed":
      return { code: "database-malformed", severity: "blocking", evidence: "SQLITE_CORRUPT" };
    default: {
      const reported = errnoCode(error);
      const isKnown = failure !== "other" || /^(?:SQLITE_|ERR_SQLITE_|E[A-Z\d]+$)/.test(reported ?? "");
      if (!isKnown) throw error;
      const isNamed = reported !== null && !reported.startsWith("ERR_SQLITE_");
      const evidence = isNamed ? reported : (resultName(failure) ?? reported ?? failure);
      return { code: "database-unavailable", severity: "blocking", evidence };
    }
  }
}
