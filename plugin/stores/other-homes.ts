import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { homeIn, type LocateInput } from "./locate.ts";
import { storeIn } from "./nearby.ts";

/** The largest number of other data directories that are named to the user. */
const MOST_NAMED = 10;

/** The largest number of entries of one folder that are searched. */
const MOST_ENTRIES = 200;

/** In a pattern of folders, this name stands for any folder. */
const EACH = "*";

/**
 * A snap has a home folder for each revision. If the terminal of an editor runs in a snap, programs that are started in
 * it use that folder (`XDG_DATA_HOME`).
 */
const IN_SNAP = ["snap", EACH, EACH, ".local", "share", "opencode"];
/** The data directory of opencode in a flatpak, by `XDG_DATA_HOME`. */
const IN_FLATPAK = [".var", "app", EACH, "data", "opencode"];
const IN_FLATPAK_HOME = [".var", "app", EACH, ".local", "share", "opencode"];
const IN_HOME = [".local", "share", "opencode"];
/** The data directories of opencode on Windows, as Linux in WSL sees them. */
const IN_WINDOWS = ["/", "mnt", "c", "Users", EACH, ...IN_HOME];

export interface OtherHomesInput {
  readonly env: LocateInput["env"];
  /** The data directory that is checked, and further data directories that the user named. */
  readonly known: readonly string[];
  /**
   * Whether the user named the data directory. If so, the usual data directory is not searched, because the user chose
   * another one on purpose.
   */
  readonly isNamed: boolean;
}

/**
 * The paths of other data directories of opencode that hold sessions. These directories may be in a snap, in a flatpak,
 * or in Windows seen from WSL. If `XDG_DATA_HOME` leads elsewhere, the usual data directory is listed too. No file in
 * these directories is opened or changed.
 */
export async function otherHomes(
  files: FileSystem,
  { env, known, isNamed }: OtherHomesInput,
): Promise<readonly string[]> {
  const homes = [...new Set([homeIn(env), env.SNAP_REAL_HOME ?? ""])].filter((home) => home !== "");
  const below = [IN_SNAP, IN_FLATPAK, IN_FLATPAK_HOME, ...(isNamed ? [] : [IN_HOME])];
  const patterns = [...homes.flatMap((home) => below.map((names) => [home, ...names])), IN_WINDOWS];
  const seen = new Set<string>();
  for (const folder of known) seen.add(await realPath(files, folder));
  const found: string[] = [];
  for (const pattern of patterns) {
    for (const path of await matching(files, pattern)) {
      const real = await realPath(files, path);
      if (seen.has(real) || (await storeIn(files, path)) === null) continue;
      seen.add(real);
      found.push(path);
    }
  }
  return found.slice(0, MOST_NAMED);
}

async function realPath(files: FileSystem, path: string): Promise<string> {
  return (await files.realPath(path).catch(() => null)) ?? path;
}

/** The existing paths that match a pattern of folder names. Folders that cannot be read are skipped. */
async function matching(files: FileSystem, [root = "", ...names]: readonly string[]): Promise<string[]> {
  let paths = [root];
  for (const name of names) {
    const next: string[] = [];
    for (const path of paths) {
      if (name !== EACH) next.push(join(path, name));
      else next.push(...(await foldersIn(files, path)));
    }
    paths = next;
  }
  return paths;
}

async function foldersIn(files: FileSystem, folder: string): Promise<string[]> {
  const entries = (await files.list(folder).catch(() => null)) ?? [];
  const folders = entries.filter(({ type }) => type === "directory" || type === "symlink");
  return folders.slice(0, MOST_ENTRIES).map(({ name }) => join(folder, name));
}
