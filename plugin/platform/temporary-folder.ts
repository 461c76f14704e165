import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new folder that only this user may enter. */
export interface TemporaryFolder {
  readonly path: string;
  /** Removes the folder with everything in it. */
  remove(): void;
}

/**
 * Creates a private folder for temporary files. It must be private, because a copy of a database holds sessions and
 * credentials.
 * @throws the errno error
 */
export async function makeTemporaryFolder(parent: string = tmpdir()): Promise<TemporaryFolder> {
  // `mkdtemp` creates the folder with mode 0700, so other users cannot enter it.
  const path = await mkdtemp(join(parent, "opencode-session-repair-"));
  made.add(path);
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
      made.delete(path);
    },
  };
}

/** The temporary folders of this process that still have to be removed. */
const made = new Set<string>();

/**
 * Removes all temporary folders of this process, and returns how many there were. For a process that ends in the middle
 * of its work.
 */
export function removeTemporaryFolders(): number {
  const count = made.size;
  for (const path of made) {
    try {
      rmSync(path, { recursive: true, force: true });
      made.delete(path);
    } catch {
      // On Windows, a file that SQLite still has open cannot be removed. Windows may clear the temporary folder later.
    }
  }
  return count;
}

/** A place for temporary folders. `name` is for texts that must not contain a path. */
export interface TemporaryPlace {
  readonly name: string;
  readonly path: string;
}

/** The places for temporary folders, in the order in which they are tried. */
export function temporaryPlaces(): TemporaryPlace[] {
  const { XDG_RUNTIME_DIR } = process.env;
  const all = [
    { name: "the temporary folder (TMPDIR)", path: tmpdir() },
    { name: "/var/tmp", path: "/var/tmp" },
    ...(XDG_RUNTIME_DIR ? [{ name: "XDG_RUNTIME_DIR", path: XDG_RUNTIME_DIR }] : []),
    { name: "/dev/shm", path: "/dev/shm" },
  ];
  if (process.platform === "win32") return all.slice(0, 1);
  return all.filter(({ path }, index) => all.findIndex((other) => other.path === path) === index);
}
