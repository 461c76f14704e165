/** The bit of a file's mode that Windows stores. A file without this bit has the read-only attribute. */
const WRITABLE = 0o200;

/** Windows error codes for an operation that is refused because a file is read-only. */
const REFUSED = new Set<unknown>(["EPERM", "EACCES"]);

/**
 * Those functions of the interface to files (`file-system.ts`) that may fail on a read-only file, or that read and
 * change its mode.
 */
interface Files {
  stat(path: string): Promise<{ readonly type: string; readonly mode: number } | null>;
  chmod(path: string, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  syncFile(path: string): Promise<void>;
  touch(path: string): Promise<void>;
}

/**
 * Wraps an interface to files for Windows, which does not let a program remove, replace, touch or force to disk a
 * read-only file. (On other systems, only the mode of the folder matters.) If Windows refuses an operation, the
 * attribute is removed and the operation is repeated. A file that still exists afterwards gets the attribute again.
 */
export function pastReadOnly<Port extends Files>(files: Port): Port {
  /** Repeats the work without the read-only attribute. `stays`: whether the same file is at the path afterwards. */
  const withoutIt = async (path: string, stays: boolean, work: () => Promise<void>): Promise<void> => {
    try {
      return await work();
    } catch (error) {
      const mode = await readOnlyMode(files, path, error);
      if (mode === null) throw error;
      await files.chmod(path, mode | WRITABLE);
      try {
        await work();
      } catch (again) {
        await files.chmod(path, mode);
        throw again;
      }
      if (stays) await files.chmod(path, mode);
    }
  };
  return {
    ...files,
    // If a file is renamed to its own name, no file is removed or replaced, so the attribute does not matter.
    rename: (from, to) => (from === to ? files.rename(from, to) : withoutIt(to, false, () => files.rename(from, to))),
    unlink: (path) => withoutIt(path, false, () => files.unlink(path)),
    syncFile: (path) => withoutIt(path, true, () => files.syncFile(path)),
    touch: (path) => withoutIt(path, true, () => files.touch(path)),
  };
}

/**
 * The mode of a file, if an operation was refused because the file is read-only; `null` if it was refused for another
 * reason.
 */
async function readOnlyMode(files: Files, path: string, refused: unknown): Promise<number | null> {
  if (!(refused instanceof Error && "code" in refused && REFUSED.has(refused.code))) return null;
  const found = await files.stat(path);
  return found?.type === "file" && isReadOnly(found.mode) ? found.mode : null;
}

/** Whether a file of this mode may not be written by its owner. */
export function isReadOnly(mode: number): boolean {
  return (mode & WRITABLE) === 0;
}
