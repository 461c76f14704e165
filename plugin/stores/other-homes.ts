import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { homeIn, type LocateInput } from "./locate.ts";
import { storeIn } from "./nearby.ts";

/** More are not named. */
const MOST_NAMED = 10;

/** Below a folder with more entries than this only the first are looked at. */
const MOST_ENTRIES = 200;

/** Any folder. */
const EACH = "*";

/** A snap has a home for each revision, in which the terminal of an editor starts its programs (`XDG_DATA_HOME`). */
const IN_SNAP = ["snap", EACH, EACH, ".local", "share", "opencode"];
/** `XDG_DATA_HOME` in a flatpak. */
const IN_FLATPAK = [".var", "app", EACH, "data", "opencode"];
const IN_FLATPAK_HOME = [".var", "app", EACH, ".local", "share", "opencode"];
const IN_HOME = [".local", "share", "opencode"];
/** The home directories of Windows, as WSL mounts them. */
const IN_WINDOWS = ["/", "mnt", "c", "Users", EACH, ...IN_HOME];

export interface OtherHomesInput {
  readonly env: LocateInput["env"];
  /** The data directory that is looked at, and the ones that the user names beside it. */
  readonly known: readonly string[];
  /** Whether the user named the data directory: then the usual place is another one on purpose. */
  readonly isNamed: boolean;
}

/**
 * Other data directories of opencode that hold a store: of a snap, a flatpak, of Windows beside WSL, and the usual place
 * where `XDG_DATA_HOME` leads elsewhere. Nothing in them is opened or changed. Paths.
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

/** Paths of a pattern that are there. What may not be read is passed over. */
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
