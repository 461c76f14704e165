import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that a test has for itself. */
export interface Scratch {
  /** Absolute. */
  readonly path: string;
  remove(): void;
}

/** On Linux a file system in memory: tests force thousands of files to disk. */
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export function scratchFolder(root = ROOT): Scratch {
  const path = mkdtempSync(join(root, "opencode-session-repair-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
