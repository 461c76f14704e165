import { basename, dirname, join } from "node:path";
import { makePrivateDirectory, PRIVATE_FILE, removeUnfinished, replaceFile } from "../files/durable.ts";
import { errnoCode, type FileSystem } from "../files/file-system.ts";
import { type Manifest, manifestText, parseManifest } from "./manifest.ts";
import { QUARANTINE, quarantinePath } from "./places.ts";
import { isRunID } from "./run-id.ts";

/** Folder of what belongs to no session: a project record, a whole database. */
const STORE_FOLDER = "_store";

const MANIFEST_FILE = "manifest.json";

/** A session id from disk becomes a folder name only in opencode's own form. */
const SESSION_ID = /^ses[A-Za-z0-9_-]{1,120}$/;

/** Of a run's folders in one session folder only the first bears the run's id alone. */
const RUN_FOLDER = /^(.+?)(?:\.\d{1,6})?$/;

/** One run's folder for one session of one store. */
export interface RunFolder {
  /** Absolute. */
  readonly path: string;
  readonly items: string;
}

export function folderNameFor(sessionID: string | null): string {
  return sessionID !== null && SESSION_ID.test(sessionID) ? sessionID : STORE_FOLDER;
}

/**
 * Makes the folder of a run for a session, with its `items/`. Its name is hidden until {@link publishRun}: what a crash
 * leaves of it before holds copies at most.
 */
export async function createRunFolder(
  files: FileSystem,
  dataDir: string,
  sessionID: string | null,
  runID: string,
): Promise<RunFolder> {
  const path = await makePrivateDirectory(files, dataDir, QUARANTINE, folderNameFor(sessionID), `.preparing-${runID}`);
  const items = await makePrivateDirectory(files, path, "items");
  return { path, items };
}

/**
 * Gives a prepared run its manifest and its name, in one step that is forced to disk: a run that is listed has both.
 * Two stores may hold the same session, and several sessions without a plain id share a folder: the second of one run
 * there is called `<runID>.2`.
 */
export async function publishRun(files: FileSystem, run: RunFolder, manifest: Manifest): Promise<RunFolder> {
  await files.syncDirectory(run.items);
  await writeManifest(files, run.path, manifest);
  const parent = dirname(run.path);
  let path = join(parent, manifest.runID);
  for (let number = 2; (await files.stat(path)) !== null; number += 1)
    path = join(parent, `${manifest.runID}.${number}`);
  await files.rename(run.path, path);
  await files.syncDirectory(parent);
  return { path, items: join(path, "items") };
}

/**
 * Writes the manifest in one step; after a crash the old or the new one is there, whole.
 * @throws UnwritableManifestError where what was written could not be read back; nothing is written then
 */
export async function writeManifest(files: FileSystem, folder: string, manifest: Manifest): Promise<void> {
  const text = manifestText(manifest);
  const reading = parseManifest(text);
  if (!reading.ok) throw new UnwritableManifestError(reading.problem);
  await replaceFile(files, join(folder, MANIFEST_FILE), Buffer.from(text));
}

/** Removes what a crash left of a manifest that was being written. */
export async function removeUnfinishedManifest(files: FileSystem, folder: string): Promise<void> {
  await removeUnfinished(files, join(folder, MANIFEST_FILE));
}

/** A run that could not be restored is not begun. */
export class UnwritableManifestError extends Error {
  constructor(problem: string) {
    super(`The run cannot be recorded: ${problem}.`);
    this.name = "UnwritableManifestError";
  }
}

/** Writes the bytes of one item, forced to disk before anything relies on them. `name` relative to the run's folder. */
export async function writeItem(files: FileSystem, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await files.writeNew(join(folder, name), bytes, PRIVATE_FILE);
}

export type StoredRun =
  | { readonly ok: true; readonly folder: string; readonly manifest: Manifest }
  | { readonly ok: false; readonly folder: string; readonly runID: string; readonly problem: string };

/** Every run in quarantine, newest first; one that cannot be read is named, never skipped in silence. */
export async function storedRuns(files: FileSystem, dataDir: string): Promise<StoredRun[]> {
  const runs: StoredRun[] = [];
  for await (const run of eachStoredRun(files, dataDir)) runs.push(run);
  return runs.sort((a, b) => (basename(a.folder) < basename(b.folder) ? 1 : -1));
}

/** The runs of one session, newest first; of a session without a plain id, with those of the store. */
export async function runsOfSession(files: FileSystem, dataDir: string, sessionID: string): Promise<StoredRun[]> {
  const runs: StoredRun[] = [];
  const folder = join(quarantinePath(dataDir), folderNameFor(sessionID));
  for await (const run of runsIn(files, folder)) runs.push(run);
  return runs.sort((a, b) => (basename(a.folder) < basename(b.folder) ? 1 : -1));
}

/** Every run in quarantine in no order, one after the other: there may be more than can be held. */
export async function* eachStoredRun(files: FileSystem, dataDir: string): AsyncIterable<StoredRun> {
  for (const session of await sessionFolders(files, dataDir)) yield* runsIn(files, session);
}

async function* runsIn(files: FileSystem, folder: string): AsyncIterable<StoredRun> {
  for (const entry of (await files.list(folder)) ?? []) {
    const runID = RUN_FOLDER.exec(entry.name)?.[1] ?? "";
    if (isRunID(runID)) yield await readRun(files, join(folder, entry.name), runID);
  }
}

async function sessionFolders(files: FileSystem, dataDir: string): Promise<string[]> {
  const entries = (await files.list(quarantinePath(dataDir))) ?? [];
  return entries
    .filter((entry) => entry.type === "directory" && folderNameFor(entry.name) === entry.name)
    .map((entry) => join(quarantinePath(dataDir), entry.name));
}

/** Folders that a crash left behind: of runs that never began, of runs that were being deleted, empty ones of sessions. */
export async function remainders(files: FileSystem, dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const session of await sessionFolders(files, dataDir)) {
    const entries = (await files.list(session)) ?? [];
    const left = entries.filter((entry) => entry.type === "directory" && /^\.(preparing|purged)-/.test(entry.name));
    for (const { name } of left) found.push(join(session, name));
    if (entries.length === 0) found.push(session);
  }
  return found;
}

/** Whether a crash left anything that the next holder of the lock has to settle. Reads only. */
export async function isUnfinished(files: FileSystem, dataDir: string): Promise<boolean> {
  const entries = (await files.list(quarantinePath(dataDir))) ?? [];
  if (entries.some(({ name }) => name.startsWith("."))) return true;
  if ((await remainders(files, dataDir)).length > 0) return true;
  for await (const run of eachStoredRun(files, dataDir)) if (run.ok && run.manifest.state === "planned") return true;
  return false;
}

export function runIDOf(run: StoredRun): string {
  return run.ok ? run.manifest.runID : run.runID;
}

/** One run by its folder, an absolute path; what it says of itself must fit the folder. */
export async function readRun(files: FileSystem, folder: string, runID: string): Promise<StoredRun> {
  const unreadable = (problem: string): StoredRun => ({ ok: false, folder, runID, problem });
  try {
    if ((await files.stat(folder))?.type !== "directory") return unreadable("the run is not a folder");
    const bytes = await files.read(join(folder, MANIFEST_FILE), LARGEST_MANIFEST_BYTES);
    if (bytes === "absent") return unreadable("the run has no manifest");
    if (bytes === "too-large") return unreadable("the manifest is too large");
    const reading = parseManifest(bytes.toString("utf8"));
    if (!reading.ok) return unreadable(reading.problem);
    const { manifest } = reading;
    if (manifest.runID !== runID || folderNameFor(manifest.sessionID) !== basename(dirname(folder))) {
      return unreadable("the manifest belongs to another folder");
    }
    if ((await files.stat(join(folder, "items")))?.type !== "directory") return unreadable("the run has no items");
    return { ok: true, folder, manifest };
  } catch (error) {
    const code = errnoCode(error);
    if (code === null) throw error;
    return unreadable(`its manifest cannot be read (${code})`);
  }
}

const LARGEST_MANIFEST_BYTES = 256 * 1024 * 1024;

/** Bytes that a run's folder takes, safety copy included. */
export async function folderBytes(files: FileSystem, folder: string): Promise<number> {
  let total = 0;
  if ((await files.stat(folder))?.type !== "directory") return total;
  for (const entry of (await files.list(folder)) ?? []) {
    const path = join(folder, entry.name);
    if (entry.type === "directory") total += await folderBytes(files, path);
    else total += (await files.stat(path))?.size ?? 0;
  }
  return total;
}
