import {
  closeSync,
  fchmodSync,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { errnoCode } from "./file-system.ts";

const force = promisify(fdatasync);

/**
 * A file that is written next to its final path, and moved there by a rename. The file is written synchronously and
 * stays open: opencode waits for every write of a record, and may write one record a thousand times. All methods throw
 * the errno error of the system.
 */
export class StagedFile {
  readonly path: string;
  readonly #descriptor: number;
  #isOpen = true;
  #length = 0;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  /**
   * Creates a file that must not exist yet, and its folder if the folder is missing. `mode` is set exactly. Without
   * `mode`, the file gets `newMode`, reduced by the umask.
   */
  static create(path: string, newMode: number, mode: number | undefined): StagedFile {
    const descriptor = inFolder(dirname(path), () => openSync(path, "wx", newMode));
    if (mode !== undefined) fchmodSync(descriptor, mode & 0o7777);
    return new StagedFile(path, descriptor);
  }

  /** The number of bytes in the file. */
  get length(): number {
    return this.#length;
  }

  /** Replaces the content of the file. */
  overwrite(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#descriptor, bytes, written, bytes.length - written, written);
    }
    if (this.#length > bytes.length) ftruncateSync(this.#descriptor, bytes.length);
    this.#length = bytes.length;
  }

  /** Forces the content of the file to disk. */
  force(): Promise<void> {
    return force(this.#descriptor);
  }

  forceNow(): void {
    fdatasyncSync(this.#descriptor);
  }

  /** Moves the file to its final path. A missing folder is created. */
  takePlace(path: string, rename: typeof renameNow): void {
    inFolder(dirname(path), () => rename(this.path, path));
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }

  /** Removes the file, unless it was moved to its place. */
  discard(): void {
    this.close();
    removeNow(this.path);
  }
}

/**
 * Replaces a file synchronously by renaming a temporary file, which only the owner may read. The file is not forced to
 * disk, so this function is only for files that may be lost.
 * @throws the errno error of the system
 */
export function replaceNow(path: string, temporary: string, text: string): void {
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

export function renameNow(from: string, to: string): void {
  renameSync(from, to);
}

/**
 * Writes to a file in place. If the file cannot be replaced, because its folder is read-only for example, this may
 * still work.
 */
export function writeThroughNow(path: string, text: string): void {
  writeFileSync(path, text);
}

/** Removes a file, if it exists. */
export function removeNow(path: string): void {
  rmSync(path, { force: true });
}

/**
 * Runs `work`. If that fails because the folder is missing, creates the folder and runs `work` again. The folder is not
 * checked first, because it almost always exists.
 */
function inFolder<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (errnoCode(error) !== "ENOENT") throw error;
    mkdirSync(folder, { recursive: true });
    return work();
  }
}
