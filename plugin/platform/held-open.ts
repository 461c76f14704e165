import { errnoCode, type FileSystem } from "./file-system.ts";

/**
 * Whether another process has a file open on Windows in a way that prevents its replacement. SQLite opens its files
 * like this: shared for reading and writing, but not for deleting. Windows then refuses to rename the file, even to its
 * own name, and changes nothing. On other systems such a rename always succeeds, so this test works only on Windows.
 */
export async function isHeldOpen(files: FileSystem, path: string): Promise<boolean> {
  try {
    await files.rename(path, path);
    return false;
  } catch (error) {
    if (["EBUSY", "EPERM", "EACCES"].includes(errnoCode(error) ?? "")) return true;
    if (errnoCode(error) === "ENOENT") return false;
    throw error;
  }
}
