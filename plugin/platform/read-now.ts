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
 * Reading on the thread that asks. opencode waits for some answers, and the thread pool of a process that is starting
 * takes milliseconds for each. Nothing here changes anything, so the port for effects (`file-system.ts`) is not needed.
 */

/** What the system says of one path, as it says it: for thousands of files nothing is converted. Times in ms since 1970. */
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

/** Of the path itself, a symbolic link included; `undefined` where nothing is there. */
export function statNow(path: string): RawStat | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** Of the path itself; `null` where nothing is there, or where this user may not look. */
export function entryNow(path: string): RawStat | null {
  try {
    return statNow(path) ?? null;
  } catch {
    return null;
  }
}

/** Of what a path leads to; `undefined` where nothing is there, or where links lead in a circle. */
export function targetStatNow(path: string): RawStat | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoCode(error) === "ELOOP") return undefined;
    throw error;
  }
}

/** Whether a path leads to anything that this user may see. */
export function isThere(path: string): boolean {
  return existsSync(path);
}

/** Size of what a path leads to, in bytes; 0 where it cannot be asked. */
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

/** Names in a folder, in no order; none where it cannot be listed. */
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

/** A file that is read at any place. */
export interface OpenedFile {
  /** When it was opened, in bytes. */
  readonly size: number;
  /** Reads up to `length` bytes that begin at `offset`, and puts them at `at` of `into`. Returns how many there were. */
  read(into: Buffer, at: number, length: number, offset: number): number;
  close(): void;
}

/**
 * Opens a file for reading. No file of a database may be opened so inside opencode's process, its log aside.
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

/** What is read is used at once, so one piece of memory does for all. It is allocated by the first read. */
let buffer: Buffer | null = null;

/** As in `file-system.ts`: a link is not followed, and a pipe does not hang the reader. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The bytes of a file of up to a megabyte, which hold until the next call; `null` where it is larger, no plain file, or
 * cannot be read.
 */
export function readNow(path: string): Buffer | "absent" | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, READ_FLAGS);
  } catch (error) {
    return errnoCode(error) === "ENOENT" ? "absent" : null;
  }
  try {
    buffer ??= Buffer.allocUnsafe(LARGEST_READ_NOW + 1);
    // Anything but a plain file fails or gives nothing, which asks for a closer look as well.
    const size = readSync(descriptor, buffer, 0, buffer.length, 0);
    return size > LARGEST_READ_NOW ? null : buffer.subarray(0, size);
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}
