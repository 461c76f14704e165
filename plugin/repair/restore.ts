import { join } from "node:path";
import type { FileSystem } from "../files/file-system.ts";
import type { Manifest, ManifestItem } from "../quarantine/manifest.ts";
import { eachStoredRun, runIDOf, type StoredRun, writeManifest } from "../quarantine/vault.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/open.ts";
import type { ItemOutcome, StoreWriter } from "../stores/writer.ts";
import { type ReportedItem, type Stopped, stoppedBy, withOutcomes } from "./apply.ts";
import { isStopped, underLock } from "./repair.ts";
import { writerForManifest } from "./run-store.ts";

export interface RestoreInput {
  readonly files: FileSystem;
  readonly located: Located;
  readonly access: Access;
  readonly runID: string;
  /** Only these sessions of the run; empty for all. */
  readonly sessionIDs: readonly string[];
  /** Only these items; empty for all. */
  readonly itemIDs: readonly string[];
}

type ReadableRun = StoredRun & { ok: true };

/** What a restore would put back. */
export interface RestorePlan {
  readonly runID: string;
  readonly runs: readonly { readonly run: ReadableRun; readonly items: readonly ManifestItem[] }[];
}

export type RestorePlanning =
  | { readonly ok: true; readonly plan: RestorePlan }
  | { readonly ok: false; readonly reason: "unknown" | "unreadable"; readonly message: string };

export interface RestoreResult {
  readonly runID: string;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  readonly stopped: Stopped | null;
}

/** Finds the items that a restore asks for. Reads only. */
export async function planRestore(input: RestoreInput): Promise<RestorePlanning> {
  const runs: StoredRun[] = [];
  for await (const run of eachStoredRun(input.files, input.located.dataDir)) {
    if (runIDOf(run) === input.runID) runs.push(run);
  }
  // The last first: what was added later may hang on what was added before.
  runs.sort((a, b) => numberOf(b) - numberOf(a));
  const broken = runs.find((run) => !run.ok);
  if (broken !== undefined && !broken.ok)
    return { ok: false, reason: "unreadable", message: `That run cannot be restored: ${broken.problem}.` };
  const readable = runs.filter((run): run is ReadableRun => run.ok);
  if (readable.length === 0) return unknown("There is no run with this id in quarantine.");
  const chosen = readable.filter(
    ({ manifest }) =>
      input.sessionIDs.length === 0 || (manifest.sessionID !== null && input.sessionIDs.includes(manifest.sessionID)),
  );
  if (chosen.length === 0) return unknown("That run holds nothing of this session.");
  const selected = chosen.map((run) => ({ run, items: itemsToRestore(run, input.itemIDs) }));
  const found = new Set(selected.flatMap(({ items }) => items.map((item) => item.id)));
  const missing = input.itemIDs.find((id) => !found.has(id) && !isRestored(chosen, id));
  if (missing !== undefined) return unknown("That run holds no item with this id.");
  return { ok: true, plan: { runID: input.runID, runs: selected.filter(({ items }) => items.length > 0) } };
}

/** Of several folders of one run in one session: `<runID>` is the first, then `.2` … */
function numberOf(run: StoredRun): number {
  return Number(/\.(\d{1,6})$/.exec(run.folder)?.[1] ?? 1);
}

function unknown(message: string): RestorePlanning {
  return { ok: false, reason: "unknown", message };
}

function isRestored(runs: readonly ReadableRun[], id: string): boolean {
  return runs.some(({ manifest }) => manifest.items.some((item) => item.id === id && item.state === "restored"));
}

function itemsToRestore(run: ReadableRun, itemIDs: readonly string[]): ManifestItem[] {
  return run.manifest.items.filter(
    (item) =>
      (item.state === "done" || item.state === "planned") && (itemIDs.length === 0 || itemIDs.includes(item.id)),
  );
}

/** Puts the items of a plan back, byte for byte, each only where nothing else has taken its place. */
export async function restore(input: RestoreInput, plan: RestorePlan): Promise<RestoreResult> {
  if (plan.runs.length === 0) return { runID: plan.runID, manifests: [], items: [], stopped: null };
  const outcome = await underLock(input, async () => {
    // Unfinished runs were settled when the lock was taken: read them again.
    const current = await planRestore(input);
    return restoreRuns(input, current.ok ? current.plan : plan);
  });
  return isStopped(outcome) ? { runID: plan.runID, manifests: [], items: [], stopped: outcome } : outcome;
}

async function restoreRuns(input: RestoreInput, plan: RestorePlan): Promise<RestoreResult> {
  const result = { runID: plan.runID, items: [] as ReportedItem[], manifests: [] as string[] };
  for (const { run, items } of plan.runs) {
    const { outcomes, stopped } = await restoreRun(input, run, items);
    if (outcomes.length > 0) result.manifests.push(join(run.folder, "manifest.json"));
    for (const outcome of outcomes) {
      const item = items.find((each) => each.id === outcome.id);
      if (item !== undefined) result.items.push(reported(run.manifest, item, outcome));
    }
    if (stopped !== null) return { ...result, stopped };
  }
  return { ...result, stopped: null };
}

interface RestoredRun {
  readonly outcomes: readonly ItemOutcome[];
  readonly stopped: Stopped | null;
}

/** The manifest says `planned` while items are put back: after a crash the next run finds out how far that came. */
async function restoreRun(input: RestoreInput, run: ReadableRun, items: readonly ManifestItem[]): Promise<RestoredRun> {
  const { files, located, access } = input;
  let outcomes: ItemOutcome[] = [];
  try {
    const writer = await writerForManifest(files, located, access, run.manifest);
    try {
      await writeManifest(files, run.folder, { ...run.manifest, state: "planned" });
      let failure: unknown = null;
      try {
        outcomes = await writer.putBack(items, run.folder);
      } catch (error) {
        failure = error;
        outcomes = await returned(writer, items, run.folder);
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

/** What had come back before a failure; what had not is again as the repair had left it. */
async function returned(writer: StoreWriter, items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
  const outcomes: ItemOutcome[] = [];
  for (const item of items) {
    const seen = await writer.observe(item, folder);
    await writer.finish(item, folder, seen);
    if (seen !== "live") continue;
    outcomes.push({ id: item.id, state: "restored" });
  }
  return outcomes;
}

function reported(manifest: Manifest, item: ManifestItem, outcome: ItemOutcome): ReportedItem {
  return {
    id: item.id,
    sessionID: manifest.sessionID,
    recordID: item.recordID,
    kind: item.kind,
    code: item.code,
    action: outcome.state === "restored" ? "restored" : "skipped",
    ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
  };
}
