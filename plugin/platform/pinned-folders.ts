import { closeSync, constants, existsSync, fchmodSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, relative, sep } from "node:path";
import { asDisk, errnoCode, type FileSystem, nodeFileSystem } from "./file-system.ts";

/**
 * The folder in which Linux shows the open files of this process. A path through an open folder leads to that folder,
 * even if the folder was renamed.
 */
const OPENED = "/proc/self/fd";

// With `O_NOFOLLOW` and `O_DIRECTORY`, opening a symbolic link fails with ENOTDIR.
const FOLDER_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_DIRECTORY ?? 0);

/**
 * A folder below which no symbolic link is followed: its path, and the real folder when this process began to use it.
 */
interface Root {
  readonly named: string;
  readonly real: string;
}

/**
 * The file system for changes to one data directory. Between the check of a path and the change, another process may
 * replace a folder by a symbolic link. So every folder on the path is opened, and the change is made in the opened
 * folder. If a folder was replaced, Linux returns the error `ENOTDIR`, and nothing is changed where the link leads. The
 * data directory and the `folders` (absolute paths) may be links, as opencode allows. Their targets are noted here, and
 * a change is refused if a target differs later. On other systems, and for paths outside the data directory, this is
 * {@link nodeFileSystem}.
 */
export function fileSystemWithin(dataDir: string, folders: readonly string[]): FileSystem {
  if (process.platform !== "linux" || !existsSync(OPENED)) return nodeFileSystem;
  // The innermost folder comes first, so that a path is checked against the nearest root.
  const roots = [...folders, dataDir]
    .flatMap((named) => realRoot(named))
    .sort((a, b) => b.named.length - a.named.length);
  const at = <T>(path: string, change: (path: string) => Promise<T>) => inFolder(roots, path, change);
  const files = nodeFileSystem;
  return asDisk({
    ...files,
    writeNew: (path, bytes, mode) => at(path, (pinned) => files.writeNew(pinned, bytes, mode)),
    // The source of a copy may be any path, because the copy is compared before it is moved into place.
    copyNew: (from, to, mode, signal) => at(to, (pinned) => files.copyNew(from, pinned, mode, signal)),
    cloneNew: (from, to, mode) => at(to, (pinned) => files.cloneNew(from, pinned, mode)),
    makeDirectory: (path, mode) => at(path, async (pinned) => makeFolder(pinned, mode)),
    rename: (from, to) => at(from, (source) => at(to, (pinned) => files.rename(source, pinned))),
    link: (from, to) => at(from, (source) => at(to, (pinned) => files.link(source, pinned))),
    unlink: (path) => at(path, files.unlink),
    removeDirectory: (path) => at(path, files.removeDirectory),
    touch: (path) => at(path, files.touch),
    chmod: (path, mode) => at(path, (pinned) => files.chmod(pinned, mode)),
  });
}

function realRoot(named: string): Root[] {
  return existsSync(named) ? [{ named, real: realpathSync(named) }] : [];
}

/** A folder on the path leads to another place than when this process began to use it. */
class MovedFolderError extends Error {
  readonly code = "ENOTDIR";

  constructor() {
    super("A folder on the path leads to another place than before.");
    this.name = "MovedFolderError";
  }
}

function makeFolder(pinned: string, mode: number): boolean {
  try {
    mkdirSync(pinned, { mode });
  } catch (error) {
    if (errnoCode(error) === "EEXIST") return false;
    throw error;
  }
  const made = openSync(pinned, FOLDER_FLAGS);
  try {
    // `fchmod` sets the mode exactly, whatever the umask is.
    fchmodSync(made, mode);
  } finally {
    closeSync(made);
  }
  return true;
}

async function inFolder<T>(roots: readonly Root[], path: string, change: (path: string) => Promise<T>): Promise<T> {
  const folder = dirname(path);
  const root = roots.find(({ named }) => folder === named || folder.startsWith(named + sep));
  if (root === undefined) return change(path);
  if (realpathSync(root.named) !== root.real) throw new MovedFolderError();
  let opened = openSync(root.real, FOLDER_FLAGS);
  try {
    for (const name of relative(root.named, folder).split(sep)) {
      if (name === "") continue;
      const next = openSync(`${OPENED}/${opened}/${name}`, FOLDER_FLAGS);
      closeSync(opened);
      opened = next;
    }
    return await change(`${OPENED}/${opened}/${basename(path)}`);
  } finally {
    closeSync(opened);
  }
}
