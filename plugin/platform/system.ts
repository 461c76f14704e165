import type { FileSystem } from "./file-system.ts";
import type { OpenFiles } from "./open-files.ts";

/** Tells which files of some folders were written, made, moved or removed. */
export interface FolderChanges {
  /** Has a folder followed, by its path below the root. `"full"` where no more can be; `"absent"` where there is none. */
  follow(folder: string): "followed" | "full" | "absent";
  /** Paths below the root that changed since the last call; `"lost"` where some are not known. */
  drain(): ReadonlySet<string> | "lost";
}

/** What one operating system can do and another cannot: `null` where it cannot. */
export interface System {
  /** Who has which files open. */
  readonly openFiles: OpenFiles | null;
  /** Whether another process has a file open in a way that keeps it from being replaced. */
  readonly isHeldOpen: ((files: FileSystem, path: string) => Promise<boolean>) | null;
  /** Follows folders below a root. The promise is `null` where this runtime cannot. */
  readonly followFolders: ((root: string) => Promise<FolderChanges | null>) | null;
  /** The VFS of SQLite whose locks let no other connection be beside one. */
  readonly soleLocking: "unix-excl" | null;
}
