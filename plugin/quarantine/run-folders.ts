import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { quarantinePath } from "./places.ts";
import { isRunID } from "./run-id.ts";

/** The folder for repairs that belong to no session, such as the repair of a project record or of a whole database. */
const STORE_FOLDER = "_store";

/**
 * A session id becomes the name of a folder only if it has opencode's own form, because a damaged id may contain a
 * path.
 */
const SESSION_ID = /^ses[A-Za-z0-9_-]{1,120}$/;

/**
 * The folder of a repair run has the run's id as its name. If that name is taken, `.2` or a higher number follows the
 * id.
 */
const RUN_FOLDER = /^(.+?)(?:\.\d{1,6})?$/;

/** The folder of one repair run on one session. All facts come from names in the file system; no file is read. */
export interface NamedRun {
  /** The absolute path of the folder. */
  readonly folder: string;
  readonly runID: string;
  /** The name of the parent folder, which all repair runs on the same session share. */
  readonly owner: string;
}

export function folderNameFor(sessionID: string | null): string {
  return sessionID !== null && SESSION_ID.test(sessionID) ? sessionID : STORE_FOLDER;
}

/** The folders of all repair runs, in no particular order. Only names are read. */
export async function* runFolders(files: FileSystem, dataDir: string): AsyncIterable<NamedRun> {
  for (const owner of await ownersIn(files, dataDir)) {
    const parent = join(quarantinePath(dataDir), owner);
    for (const { name } of (await files.list(parent)) ?? []) {
      const runID = RUN_FOLDER.exec(name)?.[1] ?? "";
      if (isRunID(runID)) yield { folder: join(parent, name), runID, owner };
    }
  }
}

async function ownersIn(files: FileSystem, dataDir: string): Promise<string[]> {
  const entries = (await files.list(quarantinePath(dataDir))) ?? [];
  return entries
    .filter((entry) => entry.type === "directory" && folderNameFor(entry.name) === entry.name)
    .map(({ name }) => name);
}

/** Folders that a crash left: runs that were being prepared or deleted, and empty session folders. */
export async function remainders(files: FileSystem, dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const owner of await ownersIn(files, dataDir)) {
    const parent = join(quarantinePath(dataDir), owner);
    const entries = (await files.list(parent)) ?? [];
    const left = entries.filter((entry) => entry.type === "directory" && /^\.(preparing|purged)-/.test(entry.name));
    for (const { name } of left) found.push(join(parent, name));
    if (entries.length === 0) found.push(parent);
  }
  return found;
}
