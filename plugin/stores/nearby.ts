import { dirname, join, resolve } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { holdsStore, type Located, locate } from "./locate.ts";

/** How many levels of folders are searched. More would take too long, because a home directory may be very large. */
const LEVELS = 2;

/** The largest number of entries of one folder that are searched. */
const MOST_ENTRIES = 300;

/** The place of opencode's data directory in a home directory. */
const BELOW_HOME = [".local", "share", "opencode"] as const;

/**
 * Finds the data directories near a path that is not a data directory itself: at most two levels above or below, the
 * nearest first. If the path does not exist, the folders next to it are searched too. Unreadable folders are skipped.
 */
export async function storesNear(files: FileSystem, path: string): Promise<Located[]> {
  const start = resolve(path);
  const found: Located[] = [];
  for (const dataDir of new Set([...above(start), ...(await below(files, start)), join(start, ...BELOW_HOME)])) {
    const located = await storeIn(files, dataDir);
    if (located !== null) found.push(located);
  }
  return found;
}

/** The JSON files and databases of one folder, found without environment variables; `null` if there are none. */
export async function storeIn(files: FileSystem, dataDir: string): Promise<Located | null> {
  try {
    const found = await locate(files, { env: {}, dataDir });
    return found.ok && holdsStore(found.located) ? found.located : null;
  } catch {
    return null;
  }
}

function above(start: string): string[] {
  const folders: string[] = [];
  for (let [folder, level] = [start, 0]; level < LEVELS; level += 1) {
    folder = dirname(folder);
    folders.push(folder);
  }
  return folders;
}

async function below(files: FileSystem, start: string): Promise<string[]> {
  const inside = await foldersIn(files, start);
  if (inside === null) return ((await foldersIn(files, dirname(start))) ?? []).filter((folder) => folder !== start);
  const found = [...inside];
  for (const folder of inside) found.push(...((await foldersIn(files, folder)) ?? []));
  return found;
}

async function foldersIn(files: FileSystem, folder: string): Promise<string[] | null> {
  try {
    const entries = await files.list(folder);
    if (entries === null) return null;
    const folders = entries.filter(({ type }) => type === "directory" || type === "symlink");
    return folders.slice(0, MOST_ENTRIES).map(({ name }) => join(folder, name));
  } catch {
    return null;
  }
}
