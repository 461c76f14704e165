import type { FileStat } from "./file-system.ts";

/** A process that has a file open. */
export interface Opener {
  readonly pid: number;
  /** Name of its program, without folders. */
  readonly name: string;
}

/** A file, and what it is called. */
export interface NamedFile {
  readonly name: string;
  readonly stat: Pick<FileStat, "device" | "inode">;
}

/** Bytes of a file that SQLite locks. */
export interface LockedRange {
  readonly first: number;
  readonly last: number;
}

/** What a system tells of the files that processes have open, as far as this user may see. Paths are absolute. */
export interface OpenFiles {
  /** The other processes that have one of these files open. Links in the paths are followed, as opencode does. */
  openersOf(paths: readonly string[]): Promise<Opener[]>;
  /**
   * The other processes that have any file below these folders open. A process by the name of opencode whose files this
   * user may not see counts as one.
   */
  openersBelow(folders: readonly string[]): Promise<Opener[]>;
  /**
   * Those of these files that a process has open for writing, this one included: by their inodes, whatever they are called
   * now. A few milliseconds.
   */
  openForWriting<T extends NamedFile>(files: readonly T[]): Set<T>;
  /**
   * The other processes that hold an exclusive advisory lock on a file. An inode alone may be that of a file of another
   * disk: only who has the file open is named.
   */
  exclusiveLockersOf(path: string, inode: number): Promise<Opener[]>;
  /** Whether this process has an advisory lock on exactly these bytes of a file. */
  holdsLock(inode: number, range: LockedRange): boolean;
}

/** `opencode (process 1234)`; empty for none. */
export function openersText(openers: readonly Opener[]): string {
  return openers.map(({ pid, name }) => `${name} (process ${pid})`).join(", ");
}
