import { execFileSync } from "node:child_process";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { whenThisProcessDies } from "../../test/host/watchdog.ts";

/** A disk of a few megabytes at a directory, made to run full. */
export interface SmallDisk {
  /** Leaves at most this many bytes free. */
  fill(left: number): Promise<void>;
  /** Makes the space free again. */
  free(): Promise<void>;
  unmount(): void;
}

/** Mounts a small tmpfs there; `null` where this user may not. It goes when this process does, in whatever way. */
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
      // Whoever writes at the same time may take the last of it.
      await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - left))).catch(() => undefined);
    },
    free: () => rm(filler, { force: true }),
    unmount() {
      execFileSync("umount", ["-l", directory], { stdio: "ignore" });
      release();
    },
  };
}
