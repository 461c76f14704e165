import { hasDescriptorInLsof } from "./lsof.ts";
import { followRecursively } from "./recursive-watch.ts";
import type { System } from "./system.ts";

export const darwin: System = {
  // On macOS, only `lsof` shows open files. `lsof` takes seconds, because it looks at every process, so it is not used
  // for this.
  openFiles: null,
  isHeldOpen: null,
  hasOtherDescriptor: hasDescriptorInLsof,
  followFolders: async (root) => followRecursively(root),
  soleLocking: "unix-excl",
};
