import type { FileStat } from "./file-system.ts";

/** A process that has a file open. */
export interface Opener {
  readonly pid: number;
  /** The name of the program, without folders. */
  readonly name: string;
}

/** A file to look for among the open files of processes. */
export interface NamedFile {
  readonly name: string;
  readonly stat: Pick<FileStat, "device" | "inode">;
}

/** A range of bytes in a file that SQLite uses for locks. */
export interface LockedRange {
  readonly first: number;
  readonly last: number;
}

/** What a system shows about open files, as far as this user may see it. Paths are absolute. */
export interface OpenFiles {
  /**
   * The other processes that have one of these files open. Symbolic links in the paths are followed, as opencode
   * follows them.
   */
  openersOf(paths: readonly string[]): Promise<Opener[]>;
  /**
   * The other processes that have any file below these folders open. If this user may not see the files of a process
   * named opencode, that process counts as one of them.
   */
  openersBelow(folders: readonly string[]): Promise<Opener[]>;
  /**
   * The files of this list that any process has open for writing; this process counts too. Files are compared by inode,
   * so a renamed file is found too. Takes a few milliseconds.
   */
  openForWriting<T extends NamedFile>(files: readonly T[]): Set<T>;
  /**
   * The other processes that hold an exclusive advisory lock on a file. A file on another disk may have the same inode,
   * so only processes that have this very file open are named.
   */
  exclusiveLockersOf(path: string, inode: number): Promise<Opener[]>;
  /** Whether this process has an advisory lock on exactly these bytes of a file. */
  holdsLock(inode: number, range: LockedRange): boolean;
}

/** The processes as text, for example `opencode (process 1234)`. The text is empty if the list is empty. */
export function openersText(openers: readonly Opener[]): string {
  return openers.map(({ pid, name }) => `${name} (process ${pid})`).join(", ");
}
