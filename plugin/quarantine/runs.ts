import { basename, join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { quarantinePath } from "./places.ts";
import { folderNameFor, type NamedRun, remainders, runFolders } from "./run-folders.ts";
import { keptKeysIn, manifestIdentity, type RunState, readKeptKeys, readRunState, runStateOf } from "./run-state.ts";
import type { UnreadableRun } from "./vault.ts";

/** The facts about a repair run without its items, or the reason why the run cannot be read. */
export type RunSummary = ReadableSummary | UnreadableRun;

export interface ReadableSummary {
  readonly ok: true;
  readonly folder: string;
  readonly state: RunState;
}

/** Every repair run in the quarantine, the newest first. The list includes runs that cannot be read. */
export async function allRuns(files: FileSystem, dataDir: string): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  for await (const run of eachRun(files, dataDir)) runs.push(run);
  return runs.sort((a, b) => (basename(a.folder) < basename(b.folder) ? 1 : -1));
}

/**
 * The repair runs whose folder names `wanted` accepts, in no particular order. Only the small state file of each run is
 * read. If that file is missing or invalid, the manifest is read instead.
 */
export async function* eachRun(
  files: FileSystem,
  dataDir: string,
  wanted: (named: NamedRun) => boolean = () => true,
): AsyncIterable<RunSummary> {
  for await (const named of runFolders(files, dataDir)) {
    if (wanted(named)) yield (await known(files, named)) ?? (await derived(files, named));
  }
}

async function known(files: FileSystem, { folder, runID, owner }: NamedRun): Promise<RunSummary | null> {
  const state = await readRunState(files, folder);
  if (state === null || (await files.stat(join(folder, "items")))?.type !== "directory") return null;
  if ("problem" in state) return { ok: false, folder, runID, problem: state.problem, cause: "manifest" };
  const isOwn = state.run.runID === runID && folderNameFor(state.run.sessionID) === owner;
  return isOwn ? { ok: true, folder, state: state.run } : null;
}

async function derived(files: FileSystem, { folder, runID }: NamedRun): Promise<RunSummary> {
  // `vault.ts` loads the schema of manifests, which takes time at the start of opencode. So the module is loaded only
  // when it is needed.
  const { readRun } = await import("./vault.ts");
  const run = await readRun(files, folder, runID);
  return run.ok ? { ok: true, folder, state: runStateOf(run.manifest) } : run;
}

/** Whether a file or link that leads to no folder is in the place of the quarantine, so that no run can be read. */
export async function isNoQuarantine(files: FileSystem, dataDir: string): Promise<boolean> {
  const path = quarantinePath(dataDir);
  return (await files.stat(path)) !== null && (await files.list(path)) === null;
}

export function runIDOf(run: RunSummary): string {
  return run.ok ? run.state.runID : run.runID;
}

/**
 * Whether a crash left a repair run or a file that must be completed, rolled back or checked by the next process that
 * takes the lock. Changes nothing.
 */
export async function isUnfinished(files: FileSystem, dataDir: string): Promise<boolean> {
  const entries = (await files.list(quarantinePath(dataDir))) ?? [];
  if (entries.some(({ name }) => name.startsWith("."))) return true;
  if ((await remainders(files, dataDir)).length > 0) return true;
  for await (const { folder } of runFolders(files, dataDir)) {
    if ((await readRunState(files, folder)) !== null) continue;
    if ((await manifestIdentity(files, folder)) !== null) return true;
  }
  return false;
}

/**
 * The keys of the records that users restored, as returned by {@link keptKey}. The plugin does not repair these records
 * again unless a user asks. Call this function under the lock if a decision depends on the result.
 * @throws UnreadableRunError if the operating system cannot read a repair run
 */
export async function keptByUser(files: FileSystem, dataDir: string): Promise<ReadonlySet<string>> {
  const kept = new Set<string>();
  for await (const run of eachRun(files, dataDir)) {
    if (!run.ok) {
      if (typeof run.cause === "object") throw new UnreadableRunError(run.problem, run.cause.errno);
      continue;
    }
    if (run.state.byState.restored === undefined) continue;
    for (const key of await keptKeysOf(files, run)) kept.add(key);
  }
  return kept;
}

/** The keys of the records that users restored from one repair run, as returned by {@link keptKey}. */
export async function keptKeysOf(files: FileSystem, { folder, state }: ReadableSummary): Promise<readonly string[]> {
  const keys = await readKeptKeys(files, folder);
  if (keys !== null) return keys;
  const { readRun } = await import("./vault.ts");
  const run = await readRun(files, folder, state.runID);
  if (run.ok) return keptKeysIn(run.manifest);
  if (typeof run.cause === "object") throw new UnreadableRunError(run.problem, run.cause.errno);
  return [];
}

/**
 * The quarantine cannot be read at the moment, so it is unknown which records users restored. Nothing may be repaired
 * unasked without this knowledge.
 */
class UnreadableRunError extends Error {
  readonly code: string;

  constructor(problem: string, code: string) {
    super(`This tool cannot tell which records were restored: ${problem}.`);
    this.name = "UnreadableRunError";
    this.code = code;
  }
}
