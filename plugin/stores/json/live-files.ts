import { dirname, join } from "node:path";
import { isNameHere } from "../../hosts/folder-paths.ts";
import { isFileLocator, type Locator } from "../../model/artifact.ts";
import type { ManifestItem } from "../../model/manifest-item.ts";
import type { ContentHash } from "../../model/replacement.ts";
import { PRIVATE_FILE } from "../../platform/durable.ts";
import { errnoCode, type FileStat, type FileSystem } from "../../platform/file-system.ts";
import { hashFile } from "../../platform/hash.ts";
import { NOT_DONE } from "../../words/refusals.ts";
import { STORAGE } from "./layout.ts";

/** Access to the present files of a data directory, and to the files of a repair's folder in quarantine. */
export class LiveFiles {
  readonly files: FileSystem;
  readonly dataDir: string;

  constructor(files: FileSystem, dataDir: string) {
    this.files = files;
    this.dataDir = dataDir;
  }

  /** Whether a file exists and has exactly this content. */
  async holds(path: string, content: ContentHash): Promise<boolean> {
    const found = await this.files.stat(path);
    if (found?.type !== "file" || found.size !== content.bytes) return false;
    return same(await hashFile(this.files, path), content);
  }

  /**
   * The absolute path of a locator. `null` if that path would not stay below `storage/`: a `..`, an absolute path or a
   * symbolic link can lead elsewhere. A locator may come from a manifest, and manifests are not trusted.
   */
  async livePath(locator: Locator): Promise<string | null> {
    const names = plainNames(locator);
    if (names === null || (await noFolderOnTheWay(this.files, this.dataDir, names)) !== null) return null;
    return join(this.dataDir, ...names);
  }

  /**
   * Why the file of a locator cannot be changed, if the reason is its name or a symbolic link on its path; otherwise
   * `null`.
   */
  async reasonAgainst(locator: Locator): Promise<string | null> {
    if (isFileLocator(locator) && !locator.path.split("/").every(isNameHere)) return NOT_DONE.nameOnWindows;
    const link = await linkOnTheWay(this.files, this.dataDir, locator);
    return link === null ? null : `the file is behind the link ${link}, and repairs change nothing there`;
  }

  /** Creates the missing folders above a path, and forces them to disk. */
  async makeParents(path: string): Promise<void> {
    const missing: string[] = [];
    for (let parent = dirname(path); (await this.files.stat(parent)) === null; parent = dirname(parent)) {
      missing.unshift(parent);
    }
    for (const parent of missing) {
      await this.files.makeDirectory(parent, 0o755);
      await this.files.syncDirectory(dirname(parent));
    }
  }

  /**
   * Makes the files of a manifest item private to this user. A file that also has a name outside the quarantine keeps
   * its mode, because both names share one mode.
   */
  async makePrivate({ original, replacement }: ManifestItem, folder: string): Promise<void> {
    for (const file of [original?.file, replacement?.file]) {
      if (file === undefined) continue;
      const kept = join(folder, file);
      const found = await this.files.stat(kept);
      if (found?.type === "file" && found.links === 1) await this.setMode(kept, PRIVATE_FILE);
    }
  }

  /** Sets the mode of a file. A file of another user, for example after a run with sudo, keeps its mode. */
  async setMode(path: string, mode: number): Promise<void> {
    if ((await this.files.stat(path))?.mode === mode) return;
    try {
      await this.files.chmod(path, mode);
    } catch (error) {
      if (errnoCode(error) !== "EPERM") throw error;
    }
  }
}

/** The parts of a file's path below the data directory; `null` if the locator is not a plain path below `storage/`. */
function plainNames(locator: Locator): readonly string[] | null {
  if (!isFileLocator(locator)) return null;
  const names = locator.path.split("/");
  if (names[0] !== STORAGE || names.length < 3) return null;
  if (names.some((name) => name === "" || name === "." || name === ".." || /[\0\\]/.test(name))) return null;
  return names.every(isNameHere) ? names : null;
}

/**
 * The first name on the path to a file that should be a folder, but is something else. `null` if all of these names are
 * folders. `storage/` itself is not checked, because opencode allows a link there.
 */
async function noFolderOnTheWay(
  files: FileSystem,
  dataDir: string,
  names: readonly string[],
): Promise<{ readonly path: string; readonly type: FileStat["type"] } | null> {
  for (let count = 2; count < names.length; count += 1) {
    const path = names.slice(0, count).join("/");
    const found = await files.stat(join(dataDir, path));
    if (found !== null && found.type !== "directory") return { path, type: found.type };
  }
  return null;
}

/**
 * The symbolic link that is in the place of a folder on the path to a file, below the data directory; `null` if there
 * is none.
 */
export async function linkOnTheWay(files: FileSystem, dataDir: string, locator: Locator): Promise<string | null> {
  const names = plainNames(locator);
  const other = names === null ? null : await noFolderOnTheWay(files, dataDir, names);
  return other?.type === "symlink" ? other.path : null;
}

export function same(a: ContentHash, b: ContentHash): boolean {
  return a.bytes === b.bytes && a.sha256 === b.sha256;
}
