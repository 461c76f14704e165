import { basename, dirname, join } from "node:path";
import { errnoCode, type FileSystem } from "../../platform/file-system.ts";
import { type LockedRange, openersText } from "../../platform/open-files.ts";
import { thisSystem } from "../../platform/this-system.ts";
import { StoreRefusedError } from "../writer.ts";
import { type Connection, type Driver, loadDriver } from "./driver.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/** The endings of the files that SQLite keeps beside a database. */
export const SIDE_FILES = ["-wal", "-shm", "-journal"];

/**
 * A lock on a database file. While it is held, no process of this machine can connect to the database, whatever
 * container the process is in.
 */
export interface SoleUse {
  release(): Promise<void>;
}

const UNSEEN = "another process, which cannot be seen from here (another user's, or in another container)";

/** Describes another process that has the database open; `null` if none was found. */
async function openerOf(files: FileSystem, driver: Driver | null, database: string): Promise<string | null> {
  const { openFiles } = await thisSystem();
  const openers = (await openFiles?.openersOf(["", ...SIDE_FILES].map((suffix) => database + suffix))) ?? [];
  if (openers.length > 0) return openersText(openers);
  return driver !== null && (await hasOtherConnection(files, driver, database)) ? UNSEEN : null;
}

/** The byte of the shared memory on which every connection to a WAL holds a shared lock (UNIX_SHM_DMS of os_unix.c). */
const DEAD_MAN_SWITCH: LockedRange = { first: 128, last: 128 };

/**
 * Whether another connection uses the shared memory of a database's WAL. If a database is opened with `readonly_shm`,
 * SQLite locks one byte of that memory only if another connection has locked it too. Linux shows this process its own
 * locks, so this process can see whether SQLite locked the byte. This also finds a process that lost its lock on the
 * database file by closing the file elsewhere. The test only reads. `false` if the system does not show locks.
 */
export async function hasOtherConnection(files: FileSystem, driver: Driver, path: string): Promise<boolean> {
  const { openFiles } = await thisSystem();
  if (openFiles === null) return false;
  const database = (await files.realPath(path).catch(() => null)) ?? path;
  const [main, wal, shm] = await Promise.all(["", "-wal", "-shm"].map((suffix) => files.stat(database + suffix)));
  // Without a WAL and shared memory there is nothing to test. An empty database is left out, because opening it would
  // make SQLite delete its WAL.
  if (!main?.size || wal === null || !shm?.size) return false;
  let connection: Connection | null = null;
  try {
    connection = driver.open(database, "shared");
    connection.all("select 1 from sqlite_schema limit 1");
  } catch {
    // Even if the database is damaged, SQLite has opened the shared memory, so the lock can still be tested.
  }
  try {
    return openFiles.holdsLock(shm.inode, DEAD_MAN_SWITCH);
  } finally {
    connection?.close();
  }
}

/**
 * Locks a database so that no other connection can use it until the lock is released. The bytes of the database, its
 * WAL and its journal are not changed, even if the database is damaged. SQLite opens the file under a second name,
 * which has no WAL or journal beside it. With the VFS `unix-excl`, SQLite takes an exclusive lock before it reads.
 * While the lock is held, this process must not open the file in any other way, because closing it would release the
 * lock.
 *
 * On Windows, this function locks nothing. It only asks Windows whether another process has the database, its -wal, its
 * -shm or its -journal open. A process may open these files later, but then Windows refuses to replace them. If the
 * database file does not exist, nothing is locked either.
 * @throws StoreRefusedError if another process has the file open, or if that is unknown
 */
export async function soleUse(files: FileSystem, path: string): Promise<SoleUse> {
  const driver = await loadDriver();
  const opener = await openerOf(files, driver, path);
  if (opener !== null) throw new DatabaseOpenError(opener);
  // An SQLite that accepts no URI cannot use the VFS `unix-excl`.
  if (driver === null || !driver.readsInPlace) {
    throw new StoreRefusedError(
      "busy",
      "This runtime has no SQLite that could tell whether another process has the database open.",
    );
  }
  const database = (await files.realPath(path).catch(() => null)) ?? path;
  const { isHeldOpen, soleLocking, hasOtherDescriptor } = await thisSystem();
  // If a file is opened after this check, Windows itself refuses to replace it.
  for (const suffix of isHeldOpen === null ? [] : ["", ...SIDE_FILES]) {
    if (await isHeldOpen?.(files, database + suffix)) throw new DatabaseOpenError("another process");
  }
  if (soleLocking === null || (await files.stat(database)) === null) return { release: async () => undefined };
  // A process may have opened the database without using it yet, or may use it without a WAL. While idle, such a
  // process holds no lock. After the two databases were swapped, it would write into the wrong database.
  const isElsewhere = await hasOtherDescriptor(database);
  if (isElsewhere === true) throw new DatabaseOpenError(UNSEEN);
  if (isElsewhere === null && (await hasNoWAL(files, database))) throw cannotTell();
  const name = join(dirname(database), `.${basename(database)}.locked`);
  const removeName = async () => {
    for (const suffix of ["", ...SIDE_FILES]) {
      if ((await files.stat(name + suffix)) !== null) await files.unlink(name + suffix);
    }
  };
  await removeName();
  await linked(files, database, name);
  let connection: Connection | null = null;
  const release = async () => {
    connection?.close();
    // Files that cannot be removed now are removed by the next call.
    await removeName().catch(() => undefined);
  };
  try {
    connection = driver.open(name, "sole");
    connection.exec("pragma busy_timeout = 0");
    connection.all("select 1 from sqlite_schema limit 1");
  } catch (error) {
    const failure = sqliteFailure(error);
    // SQLite takes the lock before it reads the first page, so a damaged database is locked too.
    if (failure !== "not-a-database" && failure !== "malformed") {
      await release();
      if (failure === "busy") throw new DatabaseOpenError(UNSEEN);
      throw error;
    }
  }
  return { release };
}

async function linked(files: FileSystem, database: string, name: string): Promise<void> {
  try {
    await files.link(database, name);
  } catch (error) {
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(errnoCode(error) ?? "")) throw error;
    const message =
      "This file system has no hard links, so this tool cannot tell whether another process has the database open. Nothing was changed.";
    throw new StoreRefusedError("busy", message);
  }
}

const MAGIC = "SQLite format 3\0";

/**
 * The offset of the write version in the header of a database. 1 means rollback journal, 2 means WAL
 * (sqlite.org/fileformat.html).
 */
const WRITE_VERSION_AT = 18;

/**
 * Whether the header of a database says that it uses no WAL. opencode gives every database a WAL, so `false` is the
 * answer for a damaged header.
 */
async function hasNoWAL(files: FileSystem, database: string): Promise<boolean> {
  const header = await files.readPiece(database, 0, WRITE_VERSION_AT + 1);
  if (header === "absent" || header.toString("latin1", 0, MAGIC.length) !== MAGIC) return false;
  return header[WRITE_VERSION_AT] === 1;
}

function cannotTell(): StoreRefusedError {
  const elsewhere =
    process.versions.bun === undefined
      ? "Close every program that uses it, then run the command as root outside of a container, or with Bun."
      : "Close every program that uses it, then run the command as root outside of a container.";
  return new StoreRefusedError(
    "busy",
    `The database has no WAL, so this tool cannot see who has it open. ${elsewhere}`,
  );
}

/** Another process certainly has the database open. The other refusals of `soleUse` mean that this is unknown. */
export class DatabaseOpenError extends StoreRefusedError {
  constructor(opener: string) {
    super("busy", `The database is open in ${opener}. Close it and try again.`);
  }
}
