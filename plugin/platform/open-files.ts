import type { FileStat } from "./file-system.ts";

/** A process that has a file open. */
export interface Opener {
  readonly pid: number;
  /** Name of its program, without folders. */
  readonly name: string;
}

/** A file and its name. */
export interface NamedFile {
  readonly name: string;
  readonly stat: Pick<FileStat, "device" | "inode">;
}

/** A range of bytes in a file that SQLite locks. */
export interface LockedRange {
  readonly first: number;
  readonly last: number;
}

/** The facts about open files that a system shows, as far as this user may see them. Paths are absolute. */
export interface OpenFiles {
  /**
   * The other processes that have one of these files open. Links in the paths are followed, as opencode follows them.
   */
  openersOf(paths: readonly string[]): Promise<Opener[]>;
  /**
   * The other processes that have any file below these folders open. A process named opencode counts as having files
   * open if this user may not see its files.
   */
  openersBelow(folders: readonly string[]): Promise<Opener[]>;
  /**
   * The files of this list that a process has open for writing, including this process. Files are compared by inode, so
   * their present names do not matter. Takes a few milliseconds.
   */
  openForWriting<T extends NamedFile>(files: readonly T[]): Set<T>;
  /**
   * The other processes that hold an exclusive advisory lock on a file. A file on another disk may have the same inode,
   * so only processes that have this file open are named.
   */
  exclusiveLockersOf(path: string, inode: number): Promise<Opener[]>;
  /** Whether this process has an advisory lock on exactly these bytes of a file. */
  holdsLock(inode: number, range: LockedRange): boolean;
}

/** For example `opencode (process 1234)`; empty for no process. */
export function openersText(openers: readonly Opener[]): string {
  return openers.map(({ pid, name }) => `${name} (process ${pid})`).join(", ");
}
