import type { FileSystem } from "./file-system.ts";
import type { OpenFiles } from "./open-files.ts";

/** Reports the files of some folders that were written, created, moved or removed. */
export interface FolderChanges {
  /**
   * Starts to follow a folder, by its path below the root. `"full"`: no more folders can be followed. `"absent"`: there
   * is none.
   */
  follow(folder: string): "followed" | "full" | "absent";
  /** Paths below the root that changed after the last call; `"lost"` if some are unknown. */
  drain(): ReadonlySet<string> | "lost";
}

/** Abilities that only some operating systems have; `null` on the others. */
export interface System {
  /** Tells which processes have which files open. */
  readonly openFiles: OpenFiles | null;
  /** Whether another process has a file open in a way that prevents its replacement. */
  readonly isHeldOpen: ((files: FileSystem, path: string) => Promise<boolean>) | null;
  /**
   * Whether another process has a file open, also one that holds no lock and that this user cannot see; `null` if that
   * cannot be told. POSIX locks that this process has on the file are lost.
   */
  readonly hasOtherDescriptor: (path: string) => Promise<boolean | null>;
  /** Follows folders below a root. The promise is `null` if this runtime cannot. */
  readonly followFolders: ((root: string) => Promise<FolderChanges | null>) | null;
  /** The VFS of SQLite whose locks allow no other connection. */
  readonly soleLocking: "unix-excl" | null;
}
