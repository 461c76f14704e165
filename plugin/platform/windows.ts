import { isHeldOpen } from "./held-open.ts";
import { followRecursively } from "./recursive-watch.ts";
import type { System } from "./system.ts";

export const windows: System = {
  openFiles: null,
  isHeldOpen,
  // `isHeldOpen` tells it.
  hasOtherDescriptor: async () => null,
  followFolders: async (root) => followRecursively(root),
  // SQLite has no VFS with such locks on Windows. Windows itself does not replace an open file.
  soleLocking: null,
};
