import { constants, lstatSync, readdirSync, realpathSync } from "node:fs";
import { chmod, copyFile, link, lstat, lutimes, mkdir, open, rename, rmdir, statfs, unlink } from "node:fs/promises";
import { patient } from "./patient.ts";
import { pastReadOnly } from "./read-only-files.ts";

export type EntryType = "file" | "directory" | "symlink" | "other";

/** The result of `lstat` for one path. Times are milliseconds since the epoch. */
export interface FileStat {
  readonly type: EntryType;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** The time at which the file was created; 0 if the system does not report that time. */
  readonly birthMs: number;
  readonly mode: number;
  readonly links: number;
  readonly device: number;
  readonly inode: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly type: EntryType;
}

/**
 * The interface through which this project makes all changes to files. Tests replace it to make any single operation
 * fail or crash. A missing file is reported as a value (`null` or `absent`). Every other failure throws an errno error
 * of the runtime.
 */
export interface FileSystem {
  stat(path: string): Promise<FileStat | null>;
  /** The path without symbolic links; `null` if the path does not exist. */
  realPath(path: string): Promise<string | null>;
  /** The entries of a folder, sorted by name; `null` if there is no such folder. */
  list(path: string): Promise<DirectoryEntry[] | null>;
  /**
   * The whole content of a file, or `too-large` if it is longer than `largest` bytes. A symbolic link is never
   * followed. Anything except an ordinary file counts as absent.
   */
  read(path: string, largest?: number): Promise<Buffer | "absent" | "too-large">;
  /**
   * A piece of a file's content. The result is shorter if the file ends before `length` bytes. A symbolic link is never
   * followed.
   */
  readPiece(path: string, offset: number, length: number): Promise<Buffer | "absent">;
  /**
   * The content of a file in pieces of at most 1 MiB, for files too large for memory. A symbolic link is never
   * followed.
   */
  readChunks(path: string): AsyncIterable<Buffer>;
  /** Creates a file that must not exist yet, writes the bytes, and forces the file to disk. */
  writeNew(path: string, bytes: Uint8Array, mode: number): Promise<void>;
  /**
   * Copies a file, with its modification time (to the microsecond), to a path that must not exist yet. After an abort
   * signal, the copy stops at the latest after the current piece, and throws the signal's reason. The unfinished copy stays on disk.
   */
  copyNew(from: string, to: string, mode: number, signal?: AbortSignal): Promise<void>;
  /**
   * Copies a file by sharing its blocks, to a path that must not exist yet. `false` if the file system cannot share
   * blocks.
   */
  cloneNew(from: string, to: string, mode: number): Promise<boolean>;
  /** Forces a file's content to disk. */
  syncFile(path: string): Promise<void>;
  /** Creates one folder; its parent must exist. `false` if it existed already. */
  makeDirectory(path: string, mode: number): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Sets the time of the last change to now. For a symbolic link, this is the time of the link itself. */
  touch(path: string): Promise<void>;
  /** Forces the entries of a folder to disk. */
  syncDirectory(path: string): Promise<void>;
  /** The number of bytes that an unprivileged process can still write on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
  /** The number that Linux uses for the type of the file system of `path` (statfs(2)). */
  fileSystemType(path: string): Promise<number>;
}

const CHUNK_BYTES = 1024 * 1024;

/** The `code` of a Node errno error (`ENOENT`, `EBUSY` …), or `null` for any other value. */
export function errnoCode(error: unknown): string | null {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return null;
}

function entryType(entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): EntryType {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  return entry.isSymbolicLink() ? "symlink" : "other";
}

/** ENAMETOOLONG: the system refuses the name as too long, so no file can have that name. */
const ABSENT = ["ENOENT", "ENOTDIR", "ENAMETOOLONG"];

/** ELOOP: symbolic links in the path form a circle, so no folder is there. */
const NO_FOLDER = [...ABSENT, "ELOOP"];

async function absentAsNull<T>(work: () => T | Promise<T>, absent: readonly string[] = ABSENT): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (absent.includes(errnoCode(error) ?? "")) return null;
    throw error;
  }
}

// A read does not block on a named pipe that is in the place of a record, and does not follow a symbolic link. Windows
// has neither flag.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** Error codes of systems and file systems that cannot share blocks between two files. */
const NO_CLONE = new Set(["ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOSYS", "ENOTTY", "ETXTBSY", "EBADF"]);

/** A copy that a signal may stop is forced to disk each time this many bytes were written. */
const FORCED_BYTES = 32 * 1024 * 1024;

const CREATE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/**
 * Whether this is the real disk of this machine, not a replacement made by a test. If so, files may also be read
 * directly, which is faster.
 */
export function isDisk(files: FileSystem): boolean {
  return disks.has(files);
}

const disks = new WeakSet<FileSystem>();

/** Marks an object that accesses only the real disk of this machine ({@link isDisk}). */
export function asDisk(files: FileSystem): FileSystem {
  disks.add(files);
  return files;
}

const disk: FileSystem = {
  // This call is synchronous, because an asynchronous call takes milliseconds in a process that has just started.
  async stat(path) {
    const found = await absentAsNull(() => lstatSync(path), NO_FOLDER);
    if (found === null) return null;
    return {
      type: entryType(found),
      size: found.size,
      mtimeMs: found.mtimeMs,
      ctimeMs: found.ctimeMs,
      birthMs: Math.max(found.birthtimeMs, 0),
      mode: found.mode & 0o7777,
      links: found.nlink,
      device: found.dev,
      inode: found.ino,
    };
  },
  realPath(path) {
    return absentAsNull(() => realpathSync(path));
  },
  async list(path) {
    const entries = await absentAsNull(() => readdirSync(path, { withFileTypes: true }), NO_FOLDER);
    if (entries === null) return null;
    return entries
      .map((entry) => ({ name: entry.name, type: entryType(entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  },
  async read(path, largest = Number.POSITIVE_INFINITY) {
    const handle = await absentAsNull(() => open(path, READ_FLAGS));
    if (handle === null) return "absent";
    try {
      const found = await handle.stat();
      if (!found.isFile()) return "absent";
      return found.size > largest ? "too-large" : await handle.readFile();
    } finally {
      await handle.close();
    }
  },
  async readPiece(path, offset, length) {
    const handle = await absentAsNull(() => open(path, READ_FLAGS));
    if (handle === null) return "absent";
    try {
      const found = await handle.stat();
      if (!found.isFile()) return "absent";
      const piece = Buffer.alloc(Math.max(0, Math.min(length, found.size - offset)));
      const { bytesRead } = await handle.read(piece, 0, piece.length, offset);
      return piece.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  },
  async *readChunks(path) {
    const handle = await open(path, READ_FLAGS);
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  },
  async writeNew(path, bytes, mode) {
    const handle = await open(path, CREATE_FLAGS, mode);
    try {
      await handle.writeFile(bytes);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async copyNew(from, to, mode, signal) {
    const target = await open(to, CREATE_FLAGS, mode);
    try {
      const { atimeMs, mtimeMs } = await lstat(from);
      let unforced = 0;
      for await (const chunk of disk.readChunks(from)) {
        signal?.throwIfAborted();
        await target.writeFile(chunk);
        unforced += chunk.length;
        if (signal === undefined || unforced < FORCED_BYTES) continue;
        // Forcing the whole copy to disk at the end could take many seconds, and a signal could not stop that.
        await target.datasync();
        unforced = 0;
      }
      await target.chmod(mode);
      await target.utimes(atimeMs / 1000, mtimeMs / 1000);
    } finally {
      await target.close();
    }
  },
  async cloneNew(from, to, mode) {
    try {
      await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    } catch (error) {
      // The errors in `NO_CLONE` mean that the file system, the runtime or this pair of paths does not support shared
      // blocks. The failed call left no file.
      if (!NO_CLONE.has(errnoCode(error) ?? "")) throw error;
      return false;
    }
    await chmod(to, mode);
    return true;
  },
  async syncFile(path) {
    // Windows can force a file to disk only if the file is open for writing. Other systems also accept a file that is
    // open for reading.
    const handle = await open(path, process.platform === "win32" ? constants.O_RDWR : constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async makeDirectory(path, mode) {
    try {
      await mkdir(path, { mode });
    } catch (error) {
      if (errnoCode(error) === "EEXIST") return false;
      throw error;
    }
    await chmod(path, mode);
    return true;
  },
  async rename(from, to) {
    await rename(from, to);
  },
  link,
  unlink,
  removeDirectory: rmdir,
  chmod,
  async touch(path) {
    const now = Date.now() / 1000;
    await lutimes(path, now, now);
  },
  async syncDirectory(path) {
    // Windows cannot open a folder to force it to disk, and does not need that: NTFS has a journal for folder entries.
    if (process.platform === "win32") return;
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async freeBytes(path) {
    const found = await statfs(path);
    return found.bavail * found.bsize;
  },
  async fileSystemType(path) {
    return (await statfs(path)).type;
  },
};

/**
 * The real file system. On Windows, an operation is tried again if another program holds the file for a moment, and
 * read-only files can be replaced too.
 */
export const nodeFileSystem: FileSystem = asDisk(process.platform === "win32" ? patient(pastReadOnly(disk)) : disk);
