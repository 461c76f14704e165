import { hasOtherDescriptor } from "./lsof.ts";
import { followRecursively } from "./recursive-watch.ts";
import type { System } from "./system.ts";

export const darwin: System = {
  // Only `lsof` shows this. It looks at every process and takes seconds.
  openFiles: null,
  isHeldOpen: null,
  hasOtherDescriptor,
  followFolders: async (root) => followRecursively(root),
  soleLocking: "unix-excl",
};
