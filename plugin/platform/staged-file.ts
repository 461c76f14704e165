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
 * A file that is written beside its place and takes it by a rename. It is written at once and stays open: opencode waits
 * for every write of a record, and writes one a thousand times. All methods throw the errno error of the system.
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

  /** Creates a file that must not exist yet; its folder is made where it is missing. `mode`: exact, else as the umask has it. */
  static create(path: string, newMode: number, mode: number | undefined): StagedFile {
    const descriptor = inFolder(dirname(path), () => openSync(path, "wx", newMode));
    if (mode !== undefined) fchmodSync(descriptor, mode & 0o7777);
    return new StagedFile(path, descriptor);
  }

  /** Bytes in it. */
  get length(): number {
    return this.#length;
  }

  /** Replaces what is in it. */
  overwrite(bytes: Buffer): void {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#descriptor, bytes, written, bytes.length - written, written);
    }
    if (this.#length > bytes.length) ftruncateSync(this.#descriptor, bytes.length);
    this.#length = bytes.length;
  }

  /** Forces its content to disk. */
  force(): Promise<void> {
    return force(this.#descriptor);
  }

  forceNow(): void {
    fdatasyncSync(this.#descriptor);
  }

  /** Has it take a place, whose folder is made where it is missing. */
  takePlace(path: string, rename: typeof renameNow): void {
    inFolder(dirname(path), () => rename(this.path, path));
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }

  /** Removes it, if it has not taken its place. */
  discard(): void {
    this.close();
    removeNow(this.path);
  }
}

/**
 * Replaces a file at once by way of a temporary one, for its owner alone. It is not forced to disk: of use where a file
 * that is damaged is as good as none. @throws the errno error of the system
 */
export function replaceNow(path: string, temporary: string, text: string): void {
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

export function renameNow(from: string, to: string): void {
  renameSync(from, to);
}

/** Writes a file where it stands: what keeps it from being replaced need not keep it from being written. */
export function writeThroughNow(path: string, text: string): void {
  writeFileSync(path, text);
}

/** Removes a file, if it is there. */
export function removeNow(path: string): void {
  rmSync(path, { force: true });
}

/** Tries, and where the folder is missing makes it and tries again: nearly always it is there. */
function inFolder<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (errnoCode(error) !== "ENOENT") throw error;
    mkdirSync(folder, { recursive: true });
    return work();
  }
}
