import { join } from "node:path";
import type { ManifestItem } from "../model/manifest-item.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { RepairLock } from "../quarantine/lock.ts";
import type { Manifest } from "../quarantine/manifest.ts";
import { eachStoredRun, readRun, type StoredRun, writeManifest } from "../quarantine/vault.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/opened-store.ts";
import type { ItemOutcome, StoreWriter } from "../stores/writer.ts";
import { NO_SUCH_RUN } from "../words/refusals.ts";
import { STOPPED_BETWEEN, type Stopped, stoppedBy, TAKEN_OVER, withOutcomes } from "./apply.ts";
import { isStopped, underLock } from "./repair.ts";
import { ACTION, type Action, type ReportedItem, reportedItem } from "./reported-item.ts";
import { writerForManifest } from "./run-store.ts";

export interface RestoreInput {
  readonly files: FileSystem;
  readonly located: Located;
  readonly access: Access;
  readonly runID: string;
  /** The sessions of the repair run to restore. An empty list means all sessions. */
  readonly sessionIDs: readonly string[];
  /** The items of the repair run to restore. An empty list means all items. */
  readonly itemIDs: readonly string[];
  /** Called after each folder of the repair run with the number of processed records and the total. */
  readonly onProgress?: (done: number, of: number) => void;
  /**
   * Stops the undo between two folders of the repair run. Records that are already restored stay restored and are
   * recorded. The other records are not changed.
   */
  readonly signal?: AbortSignal;
}

type ReadableRun = StoredRun & { ok: true };

/**
 * The records that an undo would restore. The plan is a summary, because all manifests of a repair run may not fit in
 * memory.
 */
export interface RestorePlan {
  readonly runID: string;
  readonly runs: readonly PlannedRun[];
}

interface PlannedRun {
  readonly folder: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly sessionID: string | null;
  readonly items: readonly PlannedItem[];
}

/** The action that an undo reverses, and the size of the original; `null` if the repair run added the record. */
interface UndoneRecord {
  readonly action: Action;
  readonly bytes: number | null;
}

/** A record that an undo would restore. */
interface PlannedItem extends Pick<ManifestItem, "id" | "kind" | "recordID" | "code">, UndoneRecord {}

/** All records that a plan would restore. */
export function plannedRecords({ runs }: RestorePlan): PlannedItem[] {
  return runs.flatMap(({ items }) => items);
}

export type RestorePlanning =
  | { readonly ok: true; readonly plan: RestorePlan }
  | { readonly ok: false; readonly reason: "unknown" | "unreadable"; readonly message: string };

export interface RestoreResult {
  readonly runID: string;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  /** What was undone: the records of `items` that were restored or, if the run had added them, removed. */
  readonly undone: readonly UndoneRecord[];
  readonly stopped: Stopped | null;
}

/** Finds the records that the user asked to restore. Reads only. */
export async function planRestore(input: RestoreInput): Promise<RestorePlanning> {
  const { sessionIDs, itemIDs } = input;
  const runs: PlannedRun[] = [];
  const missing = new Set(itemIDs);
  let [isThere, isChosen] = [false, false];
  for await (const run of eachStoredRun(input.files, input.located.dataDir, ({ runID }) => runID === input.runID)) {
    if (!run.ok) return unreadable(run.problem);
    isThere = true;
    const { sessionID, createdAt, items } = run.manifest;
    if (sessionIDs.length > 0 && (sessionID === null || !sessionIDs.includes(sessionID))) continue;
    isChosen = true;
    const wanted = itemsToRestore(run, itemIDs);
    for (const { id } of [...wanted, ...items.filter(({ state }) => state === "restored")]) missing.delete(id);
    if (wanted.length === 0) continue;
    const planned = wanted.map((item) => {
      const { id, kind, recordID, code } = item;
      return { id, kind, recordID, code, ...undoneRecord(item) };
    });
    runs.push({ folder: run.folder, createdAt, sessionID, items: planned });
  }
  if (!isThere) return unknown(NO_SUCH_RUN);
  if (!isChosen) return unknown("That run holds no record of this session.");
  if (missing.size > 0) return unknown("That run holds no item with this id.");
  // The last folder is restored first. A record that was added later may be a child of an earlier one, and a later step
  // of the run may have changed a record again.
  runs.sort((a, b) => b.createdAt.localeCompare(a.createdAt) || numberOf(b) - numberOf(a));
  return { ok: true, plan: { runID: input.runID, runs } };
}

function unreadable(problem: string): RestorePlanning & { ok: false } {
  return { ok: false, reason: "unreadable", message: `That run cannot be restored: ${problem}.` };
}

/** The number of one folder of a repair run. The folder `<runID>` is number 1, `<runID>.2` is number 2. */
function numberOf({ folder }: PlannedRun): number {
  return Number(/\.(\d{1,6})$/.exec(folder)?.[1] ?? 1);
}

function unknown(message: string): RestorePlanning {
  return { ok: false, reason: "unknown", message };
}

function itemsToRestore({ manifest: { items } }: ReadableRun, itemIDs: readonly string[]): ManifestItem[] {
  // A message that got another id is restored together with its parts, because the parts name their message.
  const groups = new Set(
    items.flatMap(({ id, partOf, replacement }) =>
      replacement !== undefined && itemIDs.includes(id) ? [partOf ?? id] : [],
    ),
  );
  const isAsked = ({ id, partOf, replacement }: ManifestItem) =>
    itemIDs.includes(id) || (replacement !== undefined && groups.has(partOf ?? id));
  return items.filter(
    (item) => (item.state === "done" || item.state === "planned") && (itemIDs.length === 0 || isAsked(item)),
  );
}

/** Restores the records of a plan byte for byte. A record is restored only if nothing else has taken its place. */
export async function restore(input: RestoreInput, plan: RestorePlan): Promise<RestoreResult> {
  if (plan.runs.length === 0) return { runID: plan.runID, manifests: [], items: [], undone: [], stopped: null };
  const outcome = await underLock(input, async (lock) => {
    // When the lock was taken, interrupted repair runs were completed or rolled back, so the plan may be outdated.
    const current = await planRestore(input);
    return restoreRuns(input, current.ok ? current.plan : plan, lock);
  });
  return isStopped(outcome) ? { runID: plan.runID, manifests: [], items: [], undone: [], stopped: outcome } : outcome;
}

async function restoreRuns(
  input: RestoreInput,
  plan: RestorePlan,
  lock: Pick<RepairLock, "isHeld">,
): Promise<RestoreResult> {
  const undone: UndoneRecord[] = [];
  const result = { runID: plan.runID, items: [] as ReportedItem[], manifests: [] as string[], undone };
  const total = plan.runs.reduce((sum, { items }) => sum + items.length, 0);
  for (const { folder } of plan.runs) {
    const run = await readRun(input.files, folder, input.runID);
    if (!run.ok) return { ...result, stopped: { kind: "refused", message: unreadable(run.problem).message } };
    const items = itemsToRestore(run, input.itemIDs);
    if (input.signal?.aborted) return { ...result, stopped: STOPPED_BETWEEN };
    if (!(await lock.isHeld())) return { ...result, stopped: TAKEN_OVER };
    const { outcomes, stopped } = await restoreRun(input, run, items);
    if (outcomes.length > 0) result.manifests.push(join(run.folder, "manifest.json"));
    const byID = new Map(items.map((item) => [item.id, item]));
    for (const outcome of outcomes) {
      const item = byID.get(outcome.id);
      if (item === undefined) continue;
      result.items.push(reported(run.manifest, item, outcome));
      if (outcome.state === "restored") undone.push(undoneRecord(item));
    }
    if (stopped !== null) return { ...result, stopped };
    input.onProgress?.(result.items.length, total);
  }
  return { ...result, stopped: null };
}

interface RestoredRun {
  readonly outcomes: readonly ItemOutcome[];
  readonly stopped: Stopped | null;
}

/**
 * Restores the records of one run folder. Until all of them are restored, the manifest says `planned`. After a crash,
 * the next process finds out which records were restored.
 */
async function restoreRun(input: RestoreInput, run: ReadableRun, items: readonly ManifestItem[]): Promise<RestoredRun> {
  const { files, located, access } = input;
  let outcomes: ItemOutcome[] = [];
  try {
    const writer = await writerForManifest(files, located, access, run.manifest);
    try {
      await writer.settle(run.folder);
      await writeManifest(files, run.folder, { ...run.manifest, state: "planned" });
      let failure: unknown = null;
      try {
        outcomes = await writer.putBack(items, run.folder);
      } catch (error) {
        failure = error;
        // If it cannot be seen now which records were restored, they stay `planned`. The next process that takes the
        // lock finds out.
        const told = await returned(writer, items, run.folder).catch(() => null);
        if (told === null) return { outcomes, stopped: stoppedBy(error) };
        outcomes = told;
      }
      const restored = outcomes.filter((outcome) => outcome.state === "restored");
      await writeManifest(files, run.folder, withOutcomes(run.manifest, restored));
      return { outcomes, stopped: failure === null ? null : stoppedBy(failure) };
    } finally {
      writer.close();
    }
  } catch (error) {
    return { outcomes, stopped: stoppedBy(error) };
  }
}

/** The records that were restored before a failure. All other records are as the repair left them. */
async function returned(writer: StoreWriter, items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
  await writer.settle(folder);
  const outcomes: ItemOutcome[] = [];
  for (const item of items) {
    const seen = await writer.observe(item, folder);
    await writer.finish(item, folder, seen);
    if (seen !== "live") continue;
    outcomes.push({ id: item.id, state: "restored" });
  }
  return outcomes;
}

function undoneRecord({ remedy, original }: ManifestItem): UndoneRecord {
  return { action: ACTION[remedy], bytes: original?.bytes ?? null };
}

function reported(manifest: Manifest, item: ManifestItem, { state, reason }: ItemOutcome): ReportedItem {
  return reportedItem(manifest, item, state === "restored" ? "restored" : "skipped", reason);
}
