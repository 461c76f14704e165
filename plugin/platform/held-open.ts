import { errnoCode, type FileSystem } from "./file-system.ts";

/**
 * Whether another process has a file open on Windows in a way that keeps it from being replaced. SQLite opens its files
 * so: shared for reading and writing, not for deleting. Windows then refuses to rename the file, also onto itself, and
 * changes nothing. On other systems such a rename always succeeds, and tells nothing.
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
