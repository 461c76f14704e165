import { followByInotify } from "./linux-inotify.ts";
import { hasOtherDescriptor } from "./linux-lease.ts";
import { linuxOpenFiles } from "./linux-open-files.ts";
import type { System } from "./system.ts";

export const linux: System = {
  openFiles: linuxOpenFiles,
  isHeldOpen: null,
  hasOtherDescriptor,
  // `fs.watch` is not used, because in Bun it opens every file of the folder and keeps the file open (measured on 1.3.3
  // and 1.3.9).
  followFolders: followByInotify,
  soleLocking: "unix-excl",
};
