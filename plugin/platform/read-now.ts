import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { errnoCode } from "./file-system.ts";

/**
 * Synchronous reads. opencode waits for some answers, and asynchronous reads in a starting process take milliseconds
 * each. The functions in this module change nothing, so they do not use the interface for changes (`file-system.ts`).
 */

/**
 * The facts about one path that this tool uses. `fs.Stats` of Node fits this type and is not copied, because there may
 * be thousands of files. Times are in milliseconds since 1970.
 */
export interface RawStat {
  readonly ino: number;
  readonly mode: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly uid: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** What the system knows about a path itself, even if it is a symbolic link; `undefined` if the path does not exist. */
export function statNow(path: string): RawStat | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** What the system knows about a path itself; `null` if the path does not exist or this user may not see it. */
export function entryNow(path: string): RawStat | null {
  try {
    return statNow(path) ?? null;
  } catch {
    return null;
  }
}

/** What the system knows about the target of a path; `undefined` if the path leads nowhere ({@link deadLinkNow}). */
export function targetStatNow(path: string): RawStat | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isDeadLink(errnoCode(error))) return undefined;
    throw error;
  }
}

/**
 * The errors of a path that can lead to no file: it leads through a file as if that were a folder, symbolic links form a
 * circle, or a name is too long for the file system.
 */
export type DeadLink = "ENOTDIR" | "ELOOP" | "ENAMETOOLONG";

export function isDeadLink(code: string | null): code is DeadLink {
  return code === "ENOTDIR" || code === "ELOOP" || code === "ENAMETOOLONG";
}

/** The error of a path that can lead to no file. `null` if a file is there, if nothing is there, or after another error. */
export function deadLinkNow(path: string): DeadLink | null {
  try {
    statSync(path);
    return null;
  } catch (error) {
    const code = errnoCode(error);
    return isDeadLink(code) ? code : null;
  }
}

/** The largest number of symbolic links that a Linux path may pass through. */
const MOST_LINKS = 40;

/** Whether a link leads nowhere, but to a place in an existing folder, so that a file can be written there. */
export function leadsToNewFile(path: string): boolean {
  let at = path;
  for (let links = 0; links < MOST_LINKS && entryNow(at) !== null; links += 1) {
    try {
      // The folder of the link may be a link itself, and ".." then leads to the folder above its target.
      at = resolve(realpathSync(dirname(at)), readlinkSync(at));
    } catch {
      return false;
    }
  }
  return entryNow(at) === null && targetStatOrNull(dirname(at))?.isDirectory() === true;
}

function targetStatOrNull(path: string): RawStat | null {
  try {
    return targetStatNow(path) ?? null;
  } catch {
    return null;
  }
}

/** Whether a path leads to a file or folder that this user can see. */
export function isThere(path: string): boolean {
  return existsSync(path);
}

/** The size of the file that a path leads to, in bytes; 0 if that file cannot be read. */
export function sizeNow(path: string): number {
  try {
    return targetStatNow(path)?.size ?? 0;
  } catch {
    return 0;
  }
}

/**
 * The names in a folder, in no order.
 * @throws the errno error of the system
 */
export function namesNow(folder: string): string[] {
  return readdirSync(folder);
}

/** The names in a folder, in no order; empty if the folder cannot be listed. */
export function namesOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * The whole content of a file as UTF-8.
 * @throws the errno error of the system
 */
export function textNow(path: string | URL): string {
  return readFileSync(path, "utf8");
}

/** A file that is open for reading at any position. */
export interface OpenedFile {
  /** The size of the file when it was opened, in bytes. */
  readonly size: number;
  /**
   * Reads up to `length` bytes from `offset` of the file, and writes them to `into` from `at` on. Returns the number of
   * bytes.
   */
  read(into: Buffer, at: number, length: number, offset: number): number;
  close(): void;
}

/**
 * Opens a file for reading. Inside opencode's process, this must not be used for a database: closing the file would
 * drop opencode's locks. Only its log (`-wal`) may be opened.
 * @throws the errno error of the system
 */
export function openNow(path: string): OpenedFile {
  const descriptor = openSync(path, "r");
  return {
    size: fstatSync(descriptor).size,
    read: (into, at, length, offset) => readSync(descriptor, into, at, length, offset),
    close: () => closeSync(descriptor),
  };
}

/** The largest file that {@link readNow} reads, in bytes. */
const LARGEST_READ_NOW = 1024 * 1024;

/** One buffer serves all reads, because the caller uses the bytes before the next read. The first read allocates it. */
let buffer: Buffer | null = null;

/** The flags keep a symbolic link from being followed, and a pipe from blocking the reader (see `file-system.ts`). */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The bytes of a file of up to a megabyte, valid until the next call. `null` if the file is larger, not an ordinary
 * file, or cannot be read; then the caller must look more closely.
 */
export function readNow(path: string): Buffer | "absent" | null {
  const size = readIntoBuffer(path);
  return typeof size === "number" && buffer !== null ? buffer.subarray(0, size) : size === "absent" ? size : null;
}

/**
 * The content of a file of up to a megabyte, as a text in which each byte is a letter (Latin-1). `undefined` if the
 * file does not exist; `null` in the cases of {@link readNow}. The text is made without a view of the bytes, which
 * would cost a tenth of the reading time.
 */
export function latin1Now(path: string): string | null | undefined {
  const size = readIntoBuffer(path);
  if (typeof size === "number" && buffer !== null) return buffer.toString("latin1", 0, size);
  return size === "absent" ? undefined : null;
}

/** The number of bytes that were read into the common buffer. */
function readIntoBuffer(path: string): number | "absent" | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, READ_FLAGS);
  } catch (error) {
    return errnoCode(error) === "ENOENT" ? "absent" : null;
  }
  try {
    buffer ??= Buffer.allocUnsafe(LARGEST_READ_NOW + 1);
    // If the path is not an ordinary file, the read fails or returns nothing. The caller then checks the path more
    // closely.
    const size = readSync(descriptor, buffer, 0, buffer.length, 0);
    return size > LARGEST_READ_NOW ? null : size;
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}
