import { isHeldOpen } from "./held-open.ts";
import { followRecursively } from "./recursive-watch.ts";
import type { System } from "./system.ts";

export const windows: System = {
  openFiles: null,
  isHeldOpen,
  // `isHeldOpen` answers this question on Windows.
  hasOtherDescriptor: async () => null,
  followFolders: async (root) => followRecursively(root),
  // On Windows, SQLite has no VFS with such locks. They are not needed, because Windows does not replace an open file.
  soleLocking: null,
};
