import { join } from "node:path";
import { PRIVATE_FILE } from "../../platform/durable.ts";
import { errnoCode, type FileSystem } from "../../platform/file-system.ts";
import { makeTemporaryFolder, temporaryPlaces } from "../../platform/temporary-folder.ts";
import { nameFolder } from "../../words/advice.ts";
import { StoreRefusedError } from "../writer.ts";

/** A copy of a database and its side files, in a folder that only this user may enter. */
export interface PrivateCopy {
  readonly path: string;
  release(): void;
}

/** The space in bytes that must remain free beside the copy. */
const SPACE_TO_LEAVE = 16 * 1024 * 1024;

/**
 * There is not enough space for a copy of the database. This error says nothing about damage. `message` names the
 * needed space, the folders that were tried, and what to do.
 */
export class NoRoomForCopyError extends StoreRefusedError {
  /** The needed space and the available space, without paths of the user. */
  readonly evidence: string;

  constructor(neededBytes: number, tried: readonly { readonly name: string; readonly freeBytes: number | null }[]) {
    const needed = `${Math.ceil(neededBytes / 1e6)} MB`;
    const found = tried.map(({ name, freeBytes }) => `${name}: ${roomText(freeBytes)}`).join(", ");
    super(
      "failed",
      `The database was not read: a private copy needs ${needed}, and there is not enough space for it (${found}). ${nameFolder("opencode-session-repair …")}`,
    );
    this.name = "NoRoomForCopyError";
    this.evidence = `a copy needs ${needed}; ${found}`;
  }
}

function roomText(freeBytes: number | null): string {
  return freeBytes === null ? "cannot be used" : `${Math.floor(freeBytes / 1e6)} MB free`;
}

/**
 * Copies a database and its existing side files. On a file system that can share blocks, the copy needs no space.
 * Otherwise it is made in the first temporary folder with enough space. No file is ever created beside the database
 * itself.
 * @throws NoRoomForCopyError
 */
export async function privateCopy(
  files: FileSystem,
  database: string,
  suffixes: readonly string[],
): Promise<PrivateCopy> {
  const found: { readonly suffix: string; readonly size: number }[] = [];
  for (const suffix of suffixes) {
    const stat = await files.stat(database + suffix);
    if (stat !== null) found.push({ suffix, size: stat.size });
  }
  // Twice the size of the WAL is needed: when a connection to the copy is closed, SQLite may write the WAL into the
  // main file.
  const needed = found.reduce((sum, { suffix, size }) => sum + size * (suffix === "-wal" ? 2 : 1), SPACE_TO_LEAVE);
  const names = found.map(({ suffix }) => suffix);
  const tried: { name: string; freeBytes: number | null }[] = [];
  for (const { name, path } of temporaryPlaces()) {
    const copy = await copyInto(files, database, names, path, needed);
    if (typeof copy === "object" && copy !== null) return copy;
    tried.push({ name, freeBytes: copy });
  }
  throw new NoRoomForCopyError(needed, tried);
}

/**
 * Returns the copy. If the space is not enough, returns the number of available bytes; if the folder cannot be used,
 * `null`.
 */
async function copyInto(
  files: FileSystem,
  database: string,
  suffixes: readonly string[],
  parent: string,
  needed: number,
): Promise<PrivateCopy | number | null> {
  const folder = await makeTemporaryFolder(parent).catch(() => null);
  if (folder === null) return null;
  const { remove: release } = folder;
  const path = join(folder.path, "copy.db");
  try {
    let free = Number.POSITIVE_INFINITY;
    for (const suffix of suffixes) {
      if (await files.cloneNew(database + suffix, path + suffix, PRIVATE_FILE)) continue;
      free = Math.min(free, await files.freeBytes(folder.path));
      if (free < needed) {
        release();
        return free;
      }
      await files.copyNew(database + suffix, path + suffix, PRIVATE_FILE);
    }
    return { path, release };
  } catch (error) {
    release();
    // The space was enough before the copy began, but other processes write to this file system too.
    if (["ENOSPC", "EDQUOT"].includes(errnoCode(error) ?? "")) return 0;
    throw error;
  }
}
