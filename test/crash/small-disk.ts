import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "../stores/scratch.ts";

/** A small file system in memory, mounted at a folder. */
export interface SmallDisk {
  /** The absolute path of that folder. */
  readonly path: string;
  /** Writes a file until at most this many bytes are free. */
  fill(freeBytes: number): void;
  /** Deletes the file that fills the disk. */
  relieve(): void;
  freeBytes(): number;
  remove(): void;
}

/** Mounts a small disk. If this is not possible on this system, returns a sentence that says why. */
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
