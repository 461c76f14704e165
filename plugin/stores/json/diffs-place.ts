import { errnoCode, type FileStat, type FileSystem } from "../../platform/file-system.ts";
import { deadLinkNow } from "../../platform/read-now.ts";

/** What opencode finds at the path of a session's file of diffs. */
export type DiffsPlace =
  /** `path` is the file itself, or the file to which a link leads. */
  | { readonly path: string; readonly stat: FileStat }
  /** The error that the system returns, for example because the path leads to a folder, or can lead to no file. */
  | { readonly ioError: string };

/**
 * Follows the path of a session's diff file. Like opencode, it opens the file by its name and does not list the folder.
 * `null` if the path leads to nothing, or to something that is neither a file nor a folder.
 */
export async function diffsPlace(files: FileSystem, path: string, found: FileStat): Promise<DiffsPlace | null> {
  if (found.type === "file") return { path, stat: found };
  if (found.type === "directory") return { ioError: "EISDIR" };
  if (found.type !== "symlink") return null;
  try {
    const target = await files.realPath(path);
    const stat = target === null ? null : await files.stat(target);
    if (target === null || stat === null) {
      const ioError = deadLinkNow(path);
      return ioError && { ioError };
    }
    if (stat.type === "directory") return { ioError: "EISDIR" };
    return stat.type === "file" ? { path: target, stat } : null;
  } catch (error) {
    return { ioError: errnoCode(error) ?? "UNKNOWN" };
  }
}
