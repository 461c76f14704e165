import { closeSync, constants, existsSync, fchmodSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, relative, sep } from "node:path";
import { asDisk, errnoCode, type FileSystem, nodeFileSystem } from "./file-system.ts";

/**
 * The folder in which Linux shows the open files of a process. A path through an open folder leads to the same folder,
 * even if its name changes.
 */
const OPENED = "/proc/self/fd";

// `O_NOFOLLOW` and `O_DIRECTORY` together refuse a symbolic link with ENOTDIR.
const FOLDER_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_DIRECTORY ?? 0);

/**
 * A folder below which no symbolic link is followed: its path, and its real place when this process started to use it.
 */
interface Root {
  readonly named: string;
  readonly real: string;
}

/**
 * The file system of this machine for changes to one data directory. A path is checked before a change. After the
 * check, another process may replace a folder by a symbolic link. So every folder on the path is opened, and the change
 * is made in the opened folder. If a folder was replaced, Linux returns an error (`ENOTDIR`), and nothing is changed at
 * the link's target. The data directory and the `folders` (absolute paths) may be links, as opencode allows. The
 * targets of these links are determined here, and a later change of a target is refused. On other systems, and for
 * paths outside the data directory, this is {@link nodeFileSystem}.
 */
export function fileSystemWithin(dataDir: string, folders: readonly string[]): FileSystem {
  if (process.platform !== "linux" || !existsSync(OPENED)) return nodeFileSystem;
  // The innermost folder is first.
  const roots = [...folders, dataDir]
    .flatMap((named) => realRoot(named))
    .sort((a, b) => b.named.length - a.named.length);
  const at = <T>(path: string, change: (path: string) => Promise<T>) => inFolder(roots, path, change);
  const files = nodeFileSystem;
  return asDisk({
    ...files,
    writeNew: (path, bytes, mode) => at(path, (pinned) => files.writeNew(pinned, bytes, mode)),
    // The source may be any path, because the copy is compared before it is moved.
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

/** A folder that was or became a link now has another target. */
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
    // The mode is set whatever the umask is.
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
