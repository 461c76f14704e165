import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { quarantinePath } from "./places.ts";
import { isRunID } from "./run-id.ts";

/** Folder for items that belong to no session: a project record, a whole database. */
const STORE_FOLDER = "_store";

/** A session id from disk becomes the name of a folder only if it has opencode's own form. */
const SESSION_ID = /^ses[A-Za-z0-9_-]{1,120}$/;

/** Of a run's folders for one session, only the first has the plain run id as its name. */
const RUN_FOLDER = /^(.+?)(?:\.\d{1,6})?$/;

/** The place of one run on one session, according to its folder's name. */
export interface NamedRun {
  /** Absolute. */
  readonly folder: string;
  readonly runID: string;
  /** Name of the parent folder, which is the same for all runs on one session. */
  readonly owner: string;
}

export function folderNameFor(sessionID: string | null): string {
  return sessionID !== null && SESSION_ID.test(sessionID) ? sessionID : STORE_FOLDER;
}

/** The folders of all runs, in no order. Only names are read. */
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

/** Folders that a crash left: those of runs that never began or were being deleted, and empty session folders. */
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
