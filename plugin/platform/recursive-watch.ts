import { watch } from "node:fs";
import { join, sep } from "node:path";
import type { FolderChanges } from "./system.ts";

/** Reports changes in a folder, on systems that report every change below a watched folder. */
export function followRecursively(root: string): FolderChanges {
  let changed = new Set<string>();
  let isLost = false;
  const followed = new Set<string>();
  return {
    follow(folder) {
      const top = folder.split("/").slice(0, 2).join("/");
      if (followed.has(top)) return "followed";
      try {
        const watcher = watch(join(root, top), { persistent: false, recursive: true }, (_event, name) => {
          if (name === null) isLost = true;
          else changed.add(`${top}/${name.split(sep).join("/")}`);
        });
        watcher.on("error", () => {
          isLost = true;
          followed.delete(top);
        });
        followed.add(top);
        return "followed";
      } catch {
        return "absent";
      }
    },
    drain() {
      const [drained, wasLost] = [changed, isLost];
      changed = new Set();
      isLost = false;
      return wasLost ? "lost" : drained;
    },
  };
}
