import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for one test. */
export interface Scratch {
  /** The absolute path. */
  readonly path: string;
  remove(): void;
}

/** On Linux, this is a file system in memory, because the tests force thousands of files to disk. */
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export function scratchFolder(root = ROOT): Scratch {
  const path = mkdtempSync(join(root, "opencode-session-repair-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
