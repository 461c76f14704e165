import { basename, dirname, join } from "node:path";
import type { RunFolder } from "../model/manifest-item.ts";
import { makePrivateDirectory, removeUnfinished, replaceFile } from "../platform/durable.ts";
import { errnoCode, type FileSystem } from "../platform/file-system.ts";
import { TOOL } from "../tool-identity.ts";
import { type Manifest, manifestText, parseManifest } from "./manifest.ts";
import { QUARANTINE } from "./places.ts";
import { folderNameFor, type NamedRun, runFolders } from "./run-folders.ts";
import { keptKeysIn, MANIFEST_FILE, manifestIdentity, REPLACED_FILES, runStateOf, writeRunState } from "./run-state.ts";

/**
 * Creates the folder of a repair run on a session, with its `items/` folder. Until {@link publishRun} is called, the
 * folder has a hidden name and holds only copies.
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
 * Writes the manifest of a prepared repair run, and then renames its folder to the final name. So every run in the list
 * has a manifest. If the final name is taken, the folder is named `<runID>.2`.
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
 * Writes the manifest in one step. After a crash, either the old or the new manifest is complete. If the run is not
 * `planned`, its state file is written too.
 * @throws UnwritableManifestError if the new manifest could not be read again; then nothing is written
 */
export async function writeManifest(files: FileSystem, folder: string, manifest: Manifest): Promise<void> {
  const text = manifestText(manifest);
  const reading = parseManifest(text);
  if (!reading.ok) throw new UnwritableManifestError(reading.problem);
  await replaceFile(files, join(folder, MANIFEST_FILE), Buffer.from(text));
  const identity = await manifestIdentity(files, folder);
  if (manifest.state === "planned" || identity === null) return;
  await writeRunState(files, folder, identity, { run: runStateOf(manifest) }, keptKeysIn(manifest));
}

/** Removes a temporary manifest or state file that a crash left in a repair run's folder. */
export async function removeUnfinishedFiles(files: FileSystem, folder: string): Promise<void> {
  for (const name of REPLACED_FILES) await removeUnfinished(files, join(folder, name));
}

/** The manifest of a new repair run is not valid. The run must not begin, because nobody could undo it later. */
export class UnwritableManifestError extends Error {
  constructor(problem: string) {
    super(`The run cannot be recorded: ${problem}.`);
    this.name = "UnwritableManifestError";
  }
}

export type StoredRun = { readonly ok: true; readonly folder: string; readonly manifest: Manifest } | UnreadableRun;

export interface UnreadableRun {
  readonly ok: false;
  readonly folder: string;
  readonly runID: string;
  readonly problem: string;
  /** Whether the manifest is invalid, the folder is wrong, or the operating system returned an error. */
  readonly cause: "manifest" | "folder" | { readonly errno: string };
}

/**
 * Every repair run in the quarantine with its manifest, the newest first. The list includes runs that cannot be read.
 */
export async function storedRuns(files: FileSystem, dataDir: string): Promise<StoredRun[]> {
  const runs: StoredRun[] = [];
  for await (const run of eachStoredRun(files, dataDir)) runs.push(run);
  return runs.sort((a, b) => (basename(a.folder) < basename(b.folder) ? 1 : -1));
}

/**
 * The repair runs of one session, the newest first. If the session's id does not have opencode's form, the list also
 * includes runs on the whole store.
 */
export async function runsOfSession(files: FileSystem, dataDir: string, sessionID: string): Promise<StoredRun[]> {
  const runs: StoredRun[] = [];
  const own = folderNameFor(sessionID);
  for await (const run of eachStoredRun(files, dataDir, ({ owner }) => owner === own)) runs.push(run);
  return runs.sort((a, b) => (basename(a.folder) < basename(b.folder) ? 1 : -1));
}

/**
 * The repair runs whose folder names `wanted` accepts, one after the other, because all manifests may not fit in
 * memory. {@link eachRun} is faster, but reads no items.
 */
export async function* eachStoredRun(
  files: FileSystem,
  dataDir: string,
  wanted: (named: NamedRun) => boolean = () => true,
): AsyncIterable<StoredRun> {
  for await (const named of runFolders(files, dataDir)) {
    if (wanted(named)) yield await readRun(files, named.folder, named.runID);
  }
}

export function storedRunID(run: StoredRun): string {
  return run.ok ? run.manifest.runID : run.runID;
}

/**
 * Reads one repair run from the absolute path of its folder. The run counts as unreadable if its manifest belongs to
 * another folder.
 */
export async function readRun(files: FileSystem, folder: string, runID: string): Promise<StoredRun> {
  const unreadable = (cause: UnreadableRun["cause"], problem: string): StoredRun => {
    return { ok: false, folder, runID, problem, cause };
  };
  try {
    if ((await files.stat(folder))?.type !== "directory") return unreadable("folder", "the run is not a folder");
    const bytes = await files.read(join(folder, MANIFEST_FILE), LARGEST_MANIFEST_BYTES);
    if (bytes === "absent") return unreadable("folder", "the run has no manifest");
    if (bytes === "too-large") return unreadable("manifest", "the manifest is too large");
    const reading = parseManifest(bytes.toString("utf8"));
    if (!reading.ok) return unreadable("manifest", reading.problem);
    const { manifest } = reading;
    if (manifest.runID !== runID || folderNameFor(manifest.sessionID) !== basename(dirname(folder))) {
      return unreadable("folder", "the manifest belongs to another folder");
    }
    if ((await files.stat(join(folder, "items")))?.type !== "directory")
      return unreadable("folder", "the run has no items");
    return { ok: true, folder, manifest };
  } catch (error) {
    const code = errnoCode(error);
    if (code === null) throw error;
    return unreadable({ errno: code }, `its manifest cannot be read (${code})`);
  }
}

/**
 * Reads a repair run, and writes its state file. An older version of this tool did not write that file. In a copied
 * quarantine the file is invalid, because inodes and times differ. The caller must hold the lock.
 */
export async function readAndRecord(files: FileSystem, folder: string, runID: string): Promise<StoredRun> {
  const identity = await manifestIdentity(files, folder);
  const run = await readRun(files, folder, runID);
  if (identity === null) return run;
  if (!run.ok && run.cause === "manifest") {
    await writeRunState(files, folder, identity, { problem: run.problem, version: TOOL.version }, []);
  } else if (run.ok && run.manifest.state !== "planned") {
    await writeRunState(files, folder, identity, { run: runStateOf(run.manifest) }, keptKeysIn(run.manifest));
  }
  return run;
}

const LARGEST_MANIFEST_BYTES = 256 * 1024 * 1024;

/** The size of a repair run's folder in bytes, including the safety copy of the session. */
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
