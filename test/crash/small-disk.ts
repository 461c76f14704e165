import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "../stores/scratch.ts";

/** A real file system of a few megabytes, in memory. */
export interface SmallDisk {
  /** Absolute. */
  readonly path: string;
  /** Fills it with a file until no more than this is free. */
  fill(freeBytes: number): void;
  /** Deletes that file. */
  relieve(): void;
  freeBytes(): number;
  remove(): void;
}

/** Mounts one; a sentence where this system does not let it. */
export function mountSmallDisk(megabytes: number): SmallDisk | string {
  if (process.platform !== "linux") return "Full disks are tried on Linux only.";
  const scratch = scratchFolder();
  const path = join(scratch.path, "disk");
  mkdirSync(path);
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0755`, "tmpfs", path]);
  if (status !== 0) {
    scratch.remove();
    return "Full disks are not tried: this user may not mount a file system.";
  }
  const filler = join(path, "filler");
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  };
  return {
    path,
    freeBytes,
    fill(wanted) {
      const file = openSync(filler, "w");
      try {
        while (freeBytes() > wanted) writeSync(file, Buffer.alloc(Math.min(65_536, freeBytes() - wanted)));
      } finally {
        closeSync(file);
      }
    },
    relieve: () => rmSync(filler, { force: true }),
    remove() {
      spawnSync("umount", ["-l", path]);
      scratch.remove();
    },
  };
}
