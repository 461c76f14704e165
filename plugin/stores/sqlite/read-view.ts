import type { FileStat, FileSystem } from "../../platform/file-system.ts";
import { refusalOf } from "../../platform/permissions.ts";
import type { Connection, DatabaseSource, Driver, OpenMode } from "./driver.ts";
import { privateCopy } from "./private-copy.ts";

/** A connection that can read a database, and the cleanup to do after it is closed. */
export interface ReadView {
  readonly connection: Connection;
  /** The data that another thread needs to read the same state; `null` if only this connection is possible. */
  readonly source: DatabaseSource | null;
  /** Whether no process wrote to the database while it was read as an immutable file or copied. */
  unchanged(): Promise<boolean>;
  release(): void;
}

/**
 * A WAL that has only its header holds no data. SQLite fails after 10 s if it reads such a WAL next to shared memory
 * (measured).
 */
const WAL_HEADER_BYTES = 32;

async function isWal(files: FileSystem, path: string): Promise<boolean> {
  for await (const head of files.readChunks(path)) {
    // 0x377f0682 or 0x377f0683, depending on the byte order of the checksums (sqlite.org/walformat.html).
    return head.length >= 4 && (head.readUInt32BE(0) & 0xfffffffe) === 0x377f0682;
  }
  return false;
}

/** A reader waits for the same time as a writer. */
const BUSY_MS = 2000;

const nothing = () => undefined;

async function sameOnDisk(files: FileSystem, path: string, before: FileStat | null): Promise<boolean> {
  const now = await files.stat(path);
  return now?.size === before?.size && now?.mtimeMs === before?.mtimeMs && now?.inode === before?.inode;
}

/** The present state of a database's file and its WAL, for a later comparison. */
async function stateOnDisk(files: FileSystem, database: string): Promise<{ isSame(): Promise<boolean> }> {
  const [main, wal] = [await files.stat(database), await files.stat(`${database}-wal`)];
  return {
    isSame: async () => (await sameOnDisk(files, database, main)) && (await sameOnDisk(files, `${database}-wal`, wal)),
  };
}

/**
 * Opens a database so that reading it changes no byte of it, of its `-wal` or of its `-shm`, and leaves no new file.
 * Measured with Bun's and Node's SQLite: an ordinary read-only connection writes read marks into `-shm`, and creates
 * missing side files.
 *
 * - nothing in the WAL: `immutable=1`; `unchanged` notices a writer that comes in the meantime;
 * - WAL and shared memory: `readonly_shm=1`, which reads beside a live opencode, and without one rebuilds the WAL index
 *   in memory;
 * - a WAL whose shared memory is gone or another user's, a hot rollback journal, or a runtime that can do neither of these
 *   (Node 22.5 to 22.14): a private copy, deleted on release.
 */
export async function openReadView(files: FileSystem, driver: Driver, path: string): Promise<ReadView> {
  // SQLite keeps side files next to the file that a link leads to.
  const database = (await files.realPath(path).catch(() => null)) ?? path;
  const before = await stateOnDisk(files, database);
  const [wal, shm, journal] = await Promise.all(
    ["-wal", "-shm", "-journal"].map((suffix) => files.stat(database + suffix)),
  );
  const hasJournal = (journal?.size ?? 0) > 0;
  const hasFrames = (wal?.size ?? 0) > WAL_HEADER_BYTES && (await isWal(files, `${database}-wal`));
  if (!driver.readsInPlace) return openPrivateCopy(files, driver, database, ["", "-wal", "-journal"]);
  const inPlace = (mode: OpenMode, unchanged: ReadView["unchanged"]): ReadView => {
    const connection = driver.open(database, mode);
    // While opencode starts, it locks its WAL to recover it.
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
    // The connection can write, because SQLite must be able to roll back a hot journal.
    const connection = driver.open(path, "write");
    return { connection, source: { path, mode: "read" }, unchanged: async () => whole, release };
  } catch (error) {
    release();
    throw error;
  }
}
