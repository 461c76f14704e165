import { execFileSync } from "node:child_process";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { whenThisProcessDies } from "../../test/host/watchdog.ts";

/** A small disk that is mounted at a directory. Tests fill it completely. */
export interface SmallDisk {
  /** Fills the disk until at most this many bytes are free. */
  fill(left: number): Promise<void>;
  /** Deletes the file that fills the disk. */
  free(): Promise<void>;
  unmount(): void;
}

/**
 * Mounts a small tmpfs at a directory. Returns `null` if this user may not mount. The disk is unmounted when this
 * process ends, even if it is killed.
 */
export function mountSmallDisk(directory: string, megabytes: number): SmallDisk | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  const release = whenThisProcessDies('umount -l -- "$1"', directory);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", directory], { stdio: "ignore" });
  } catch {
    release();
    return null;
  }
  const filler = join(directory, "somebody-elses-file");
  return {
    async fill(left) {
      const { bavail, bsize } = await statfs(directory);
      // Another process may use the last free bytes at the same time, so a failed write does no harm.
      await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - left))).catch(() => undefined);
    },
    free: () => rm(filler, { force: true }),
    unmount() {
      execFileSync("umount", ["-l", directory], { stdio: "ignore" });
      release();
    },
  };
}
