import { closeSync, constants, existsSync, fchmodSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, relative, sep } from "node:path";
import { asDisk, errnoCode, type FileSystem, nodeFileSystem } from "./file-system.ts";

/** Where Linux shows what a process has opened: a path through there leads to the very folder, whatever it is called by now. */
const OPENED = "/proc/self/fd";

// `O_NOFOLLOW` and `O_DIRECTORY` together refuse a symbolic link with ENOTDIR.
const FOLDER_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_DIRECTORY ?? 0);

/** A folder below which no symbolic link is followed: as paths name it, and where it really was in the beginning. */
interface Root {
  readonly named: string;
  readonly real: string;
}

/**
 * The file system of this machine for changes of one data directory. A path is looked at before something is changed there;
 * on Linux, whoever puts a symbolic link in the place of a folder after that look gets an error (`ENOTDIR`), and nothing is
 * changed where the link leads to: every folder on the way from the data directory is opened, the change is made in what
 * was opened. The data directory and the `folders`, absolute paths, may be links themselves, as opencode allows; where they
 * lead is settled here, and led elsewhere they are refused. Elsewhere than on Linux, and for paths beyond the data
 * directory, it is {@link nodeFileSystem}.
 */
export function fileSystemWithin(dataDir: string, folders: readonly string[]): FileSystem {
  if (process.platform !== "linux" || !existsSync(OPENED)) return nodeFileSystem;
  // The innermost first.
  const roots = [...folders, dataDir]
    .flatMap((named) => realRoot(named))
    .sort((a, b) => b.named.length - a.named.length);
  const at = <T>(path: string, change: (path: string) => Promise<T>) => inFolder(roots, path, change);
  const files = nodeFileSystem;
  return asDisk({
    ...files,
    writeNew: (path, bytes, mode) => at(path, (pinned) => files.writeNew(pinned, bytes, mode)),
    // What is read may be anywhere: whoever moves a copy compares it first.
    copyNew: (from, to, mode) => at(to, (pinned) => files.copyNew(from, pinned, mode)),
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

/** A folder that was a link, or became one, leads elsewhere than before. */
class MovedFolderError extends Error {
  readonly code = "ENOTDIR";

  constructor() {
    super("A folder leads elsewhere than before.");
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
    // Whatever the umask.
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
