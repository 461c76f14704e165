import { isHeldOpen } from "./held-open.ts";
import { followRecursively } from "./recursive-watch.ts";
import type { System } from "./system.ts";

export const windows: System = {
  openFiles: null,
  isHeldOpen,
  // On Windows, `isHeldOpen` tells whether another process has a file open.
  hasOtherDescriptor: async () => null,
  followFolders: async (root) => followRecursively(root),
  // On Windows, SQLite has no VFS whose locks allow no other connection. Such locks are not needed, because Windows
  // does not replace an open file.
  soleLocking: null,
};
