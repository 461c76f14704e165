import { hasOtherDescriptor } from "./lsof.ts";
import { followRecursively } from "./recursive-watch.ts";
import type { System } from "./system.ts";

export const darwin: System = {
  // On macOS only `lsof` shows open files. `lsof` looks at every process, which takes seconds.
  openFiles: null,
  isHeldOpen: null,
  hasOtherDescriptor,
  followFolders: async (root) => followRecursively(root),
  soleLocking: "unix-excl",
};
