import type { FileSystem } from "./file-system.ts";
import type { OpenFiles } from "./open-files.ts";

/** Reports which files in some folders were written, created, moved or removed. */
export interface FolderChanges {
  /**
   * Starts to follow a folder, named by its path below the root. `"full"` means that no more folders can be followed,
   * and `"absent"` that the folder does not exist.
   */
  follow(folder: string): "followed" | "full" | "absent";
  /** The paths below the root that changed since the last call; `"lost"` if some changes are unknown. */
  drain(): ReadonlySet<string> | "lost";
}

/** Abilities that only some operating systems have. An ability is `null` on the other systems. */
export interface System {
  /** Shows which processes have which files open. */
  readonly openFiles: OpenFiles | null;
  /** Whether another process has a file open in a way that prevents its replacement (only on Windows). */
  readonly isHeldOpen: ((files: FileSystem, path: string) => Promise<boolean>) | null;
  /**
   * Whether another process has a file open, even a process that holds no lock and that this user cannot see. `null` if
   * the system cannot tell. The call makes this process lose its POSIX locks on the file.
   */
  readonly hasOtherDescriptor: (path: string) => Promise<boolean | null>;
  /** Reports changes in folders below a root. The promise gives `null` if this runtime cannot do that. */
  readonly followFolders: ((root: string) => Promise<FolderChanges | null>) | null;
  /** The name of the SQLite VFS (its layer for files) whose locks allow no other connection to the database. */
  readonly soleLocking: "unix-excl" | null;
}
