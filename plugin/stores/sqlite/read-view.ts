import type { FileStat, FileSystem } from "../../platform/file-system.ts";
import { refusalOf } from "../../platform/permissions.ts";
import type { Connection, DatabaseSource, Driver, OpenMode } from "./driver.ts";
import { privateCopy } from "./private-copy.ts";

/** A connection that reads a database, and the cleanup after it is closed. */
export interface ReadView {
  readonly connection: Connection;
  /** What another thread needs to read the same state of the database; `null` if only this connection can read it. */
  readonly source: DatabaseSource | null;
  /** Whether the database stayed the same while it was read as an immutable file, or while it was copied. */
  unchanged(): Promise<boolean>;
  release(): void;
}

/**
 * The length of a WAL without any pages. Such a WAL must not be read together with shared memory, because SQLite then
 * fails after 10 s (measured).
 */
const WAL_HEADER_BYTES = 32;

async function isWal(files: FileSystem, path: string): Promise<boolean> {
  for await (const head of files.readChunks(path)) {
    // A WAL begins with the number 0x377f0682 or 0x377f0683, depending on the byte order of the checksums
    // (sqlite.org/walformat.html).
    return head.length >= 4 && (head.readUInt32BE(0) & 0xfffffffe) === 0x377f0682;
  }
  return false;
}

/** How long a reader waits for a lock, in milliseconds. A writer waits for the same time. */
const BUSY_MS = 2000;

const nothing = () => undefined;

async function sameOnDisk(files: FileSystem, path: string, before: FileStat | null): Promise<boolean> {
  const now = await files.stat(path);
  return now?.size === before?.size && now?.mtimeMs === before?.mtimeMs && now?.inode === before?.inode;
}

/** Notes the present sizes and times of a database file and its WAL, to compare them later. */
async function stateOnDisk(files: FileSystem, database: string): Promise<{ isSame(): Promise<boolean> }> {
  const [main, wal] = [await files.stat(database), await files.stat(`${database}-wal`)];
  return {
    isSame: async () => (await sameOnDisk(files, database, main)) && (await sameOnDisk(files, `${database}-wal`, wal)),
  };
}

/**
 * Opens a database so that reading changes no byte of the database, its `-wal` and its `-shm`, and leaves no new file.
 * An ordinary read-only connection would write read marks into `-shm` and create missing side files (measured with
 * Bun's and Node's SQLite). So there are three ways:
 * - If the WAL is empty, the database is opened with `immutable=1`. `unchanged` notices if another program writes
 * meanwhile.
 * - If there are a WAL and shared memory, the database is opened with `readonly_shm=1`, even while opencode runs. If no
 * opencode runs, SQLite rebuilds the index of the WAL in memory.
 * - Otherwise, a private copy is opened, and deleted on release. That is necessary if the shared memory is missing or
 * cannot be read, if there is a hot rollback journal, or if the runtime cannot open a database in the first two ways
 * (Node 22.5 to 22.14).
 */
export async function openReadView(files: FileSystem, driver: Driver, path: string): Promise<ReadView> {
  // SQLite keeps the side files next to the target of a symbolic link, so the target's path is needed.
  const database = (await files.realPath(path).catch(() => null)) ?? path;
  const before = await stateOnDisk(files, database);
  const [wal, shm, journal] = await Promise.all(
    ["-wal", "-shm", "-journal"].map((suffix) => files.stat(database + suffix)),
  );
  const hasJournal = journal?.type === "file" && journal.size > 0;
  const hasFrames = (wal?.size ?? 0) > WAL_HEADER_BYTES && (await isWal(files, `${database}-wal`));
  if (!driver.readsInPlace) return openPrivateCopy(files, driver, database, ["", "-wal", "-journal"]);
  const inPlace = (mode: OpenMode, unchanged: ReadView["unchanged"]): ReadView => {
    const connection = driver.open(database, mode);
    // A starting opencode locks the WAL for a moment to recover the database. The connection waits for that lock.
    if (mode === "shared") connection.exec(`pragma busy_timeout = ${BUSY_MS}`);
    return { connection, source: { path: database, mode }, unchanged, release: nothing };
  };
  if (!hasFrames && !hasJournal) return inPlace("immutable", before.isSame);
  if (!hasJournal && (shm?.size ?? 0) > 0 && refusalOf(`${database}-shm`, "read") === null)
    return inPlace("shared", async () => true);
  return openPrivateCopy(files, driver, database, ["", "-wal", "-journal"]);
}

async function openPrivateCopy(
  files: FileSystem,
  driver: Driver,
  database: string,
  suffixes: readonly string[],
): Promise<ReadView> {
  const before = await stateOnDisk(files, database);
  const { path, release } = await privateCopy(files, database, suffixes);
  try {
    // If the file was written while it was copied, the copy may be inconsistent.
    const whole = await before.isSame();
    // The copy is opened for writing, because SQLite must be able to roll back a hot journal.
    const connection = driver.open(path, "write");
    return { connection, source: { path, mode: "read" }, unchanged: async () => whole, release };
  } catch (error) {
    release();
    throw error;
  }
}
