import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from "node:fs";
import { errnoCode } from "./file-system.ts";

/**
 * Reads on the calling thread. opencode waits for some answers, and the thread pool of a starting process takes
 * milliseconds for each. The functions in this module change nothing, so they do not use the port for effects
 * (`file-system.ts`).
 */

/**
 * The system's facts about one path, in the form of the system, because there may be thousands of files. Times in ms
 * since 1970.
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

/** The facts about the path itself, even if it is a symbolic link; `undefined` if the path does not exist. */
export function statNow(path: string): RawStat | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The facts about the path itself; `null` if the path does not exist or this user may not see it. */
export function entryNow(path: string): RawStat | null {
  try {
    return statNow(path) ?? null;
  } catch {
    return null;
  }
}

/** The facts about the target of a path; `undefined` if the path does not exist, or if links form a circle. */
export function targetStatNow(path: string): RawStat | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoCode(error) === "ELOOP") return undefined;
    throw error;
  }
}

/** Whether a path leads to a file or folder that this user may see. */
export function isThere(path: string): boolean {
  return existsSync(path);
}

/** The size of a path's target in bytes; 0 if it cannot be read. */
export function sizeNow(path: string): number {
  try {
    return targetStatNow(path)?.size ?? 0;
  } catch {
    return 0;
  }
}

/** Names in a folder, in no order. @throws the errno error of the system */
export function namesNow(folder: string): string[] {
  return readdirSync(folder);
}

/** Names in a folder, in no order; empty if it cannot be listed. */
export function namesOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The whole file as UTF-8. @throws the errno error of the system */
export function textNow(path: string | URL): string {
  return readFileSync(path, "utf8");
}

/** A file that can be read at any position. */
export interface OpenedFile {
  /** The size of the file when it was opened, in bytes. */
  readonly size: number;
  /** Reads up to `length` bytes from `offset`, and writes them to `into` from `at` on. Returns the number of bytes. */
  read(into: Buffer, at: number, length: number, offset: number): number;
  close(): void;
}

/**
 * Opens a file for reading. Inside opencode's process no file of a database may be opened in this way, except its log.
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

/** Longer files are not read by {@link readNow}, in bytes. */
const LARGEST_READ_NOW = 1024 * 1024;

/** The bytes are used at once, so one buffer is enough for all reads. The first read allocates it. */
let buffer: Buffer | null = null;

/** A link is not followed, and a pipe does not block the reader (see `file-system.ts`). */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The bytes of a file of up to a megabyte, valid until the next call; `null` if the file is larger, no ordinary file,
 * or unreadable.
 */
export function readNow(path: string): Buffer | "absent" | null {
  const size = readIntoBuffer(path);
  return typeof size === "number" && buffer !== null ? buffer.subarray(0, size) : size === "absent" ? size : null;
}

/**
 * The same as a text in which each byte is a letter (Latin-1). `undefined`: the file does not exist. A check reads
 * thousands of files, and to make a view of the bytes first would cost a tenth of the reading.
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
    // For everything except an ordinary file, the read fails or returns nothing, which also requests a closer check.
    const size = readSync(descriptor, buffer, 0, buffer.length, 0);
    return size > LARGEST_READ_NOW ? null : size;
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}
