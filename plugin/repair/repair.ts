import { setTimeout as sleep } from "node:timers/promises";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { mayLapse, takeLock } from "../quarantine/lock.ts";
import { LOCK_TIMES } from "../quarantine/lock-file.ts";
import type { Trigger } from "../quarantine/manifest.ts";
import { newRunID } from "../quarantine/run-id.ts";
import { isUnfinished, keptByUser } from "../quarantine/runs.ts";
import type { Located } from "../stores/locate.ts";
import { openStores } from "../stores/open.ts";
import type { Access } from "../stores/opened-store.ts";
import { lockedSentence } from "../words/lock.ts";
import { type Applied, applyPlan, type Stopped, stoppedBy } from "./apply.ts";
import { type Plan, planRepair, type Selection } from "./plan.ts";
import { reconcileRuns } from "./reconcile.ts";
import { type ReportedItem, skippedItem } from "./reported-item.ts";

export interface RepairInput {
  readonly files: FileSystem;
  readonly located: Located;
  readonly access: Access;
  /** The findings of a check. The store indexes of the findings refer to `located`. */
  readonly findings: readonly ConfirmedFinding[];
  readonly selection: Selection;
  readonly trigger: Trigger;
  readonly hostVersion: string | null;
  readonly signal?: AbortSignal;
  /**
   * The longest wait for another repair, in milliseconds. If it is absent, the wait ends as soon as an expired lock of
   * an unknown holder may be taken over.
   */
  readonly patienceMs?: number;
  /** The id of a run that has already begun. */
  readonly runID?: string;
  /** Called from time to time with the number of finished records and the total. */
  readonly onProgress?: (done: number, of: number) => void;
}

export interface RepairResult {
  /** `null` if nothing was done. */
  readonly runID: string | null;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  readonly stopped: Stopped | null;
}

/** A repair takes tens of milliseconds, so the lock is tried again at this interval. */
const LOCK_RETRY_MS = 25;

const NOTHING: RepairResult = { runID: null, manifests: [], items: [], stopped: null };

/** Runs `work` under the lock of the data directory, after unfinished runs were completed or rolled back. */
export async function underLock<T>(
  input: Pick<RepairInput, "files" | "located" | "access" | "patienceMs">,
  work: (lock: Parameters<typeof applyPlan>[0]["lock"]) => Promise<T>,
): Promise<T | Stopped> {
  const { files, located, access } = input;
  try {
    const { patienceMs } = input;
    const until = performance.now() + (patienceMs ?? 0);
    let taken = await takeLock(files, located.dataDir);
    while (!taken.ok && (performance.now() < until || (patienceMs === undefined && mayLapse(taken.holder)))) {
      await sleep(LOCK_RETRY_MS);
      taken = await takeLock(files, located.dataDir);
    }
    if (!taken.ok) return { kind: "refused", message: lockedSentence(taken.holder, LOCK_TIMES.lapsedMs) };
    try {
      await reconcileRuns(files, located, access);
      return await work(taken.lock);
    } finally {
      // The changes are complete even if the lock file cannot be removed.
      await taken.lock.release().catch(() => undefined);
    }
  } catch (error) {
    return stoppedBy(error);
  }
}

/**
 * Completes or rolls back an unfinished run after a crash, and removes its lock or the rest of a deletion. This
 * function is for callers that have no other work under the lock. If another process holds the lock, that process does
 * this work.
 */
export async function settleUnfinished(input: Pick<RepairInput, "files" | "located" | "access">): Promise<void> {
  if (await isUnfinished(input.files, input.located.dataDir)) await underLock(input, async () => null);
}

/** Whether the outcome of {@link underLock} says that the work was not done. */
export function isStopped(outcome: object): outcome is Stopped {
  return "kind" in outcome && "message" in outcome;
}

/**
 * Plans and applies the repair of findings. If there is nothing to do, the repair takes no lock and creates no folder.
 * An unasked repair skips records that a user restored, even if that happened after the check.
 */
export async function repair(input: RepairInput): Promise<RepairResult> {
  const plan = await planned(input).catch(stoppedBy);
  if ("kind" in plan) return { ...NOTHING, stopped: plan };
  if (plan.length === 0) return NOTHING;
  const outcome = await underLock(input, async (lock) => {
    // The plan is made again: a restore may have held the lock until now, or a crash may have kept it from recording
    // its result.
    const current = await planned(input);
    return current.length === 0 ? NOTHING : applyWhatIsFree(input, current, lock);
  });
  return isStopped(outcome) ? { ...NOTHING, stopped: outcome } : outcome;
}

async function planned({ files, located, findings, selection }: RepairInput): Promise<Plan> {
  if (!selection.unasked) return planRepair(findings, selection);
  // Most checks find no record that may be repaired unasked.
  if (planRepair(findings, selection).length === 0) return [];
  return planRepair(findings, selection, await keptByUser(files, located.dataDir));
}

/** Applies the plan, except for turns that a process may still be working on. Those are refused. */
async function applyWhatIsFree(
  input: RepairInput,
  plan: Plan,
  lock: Parameters<typeof applyPlan>[0]["lock"],
): Promise<RepairResult> {
  const settling = plan.flatMap(({ operations }) => operations.filter(({ remedy }) => remedy === "settle"));
  if (settling.length === 0) return applyUnderLock(input, plan, lock);
  const { inUse } = await import("../remedies/close/in-use.ts");
  const reason = await inUse(input.located, input.access);
  if (reason === null) return applyUnderLock(input, plan, lock);
  const others = plan
    .map((session) => ({ ...session, operations: session.operations.filter(({ remedy }) => remedy !== "settle") }))
    .filter(({ operations }) => operations.length > 0);
  const done = others.length === 0 ? NOTHING : await applyUnderLock(input, others, lock);
  const items = [...done.items, ...settling.map((operation) => skippedItem(operation, "it may be in use"))];
  return { ...done, items, stopped: done.stopped ?? { kind: "refused", message: reason } };
}

async function applyUnderLock(
  input: RepairInput,
  plan: Plan,
  lock: Parameters<typeof applyPlan>[0]["lock"],
): Promise<RepairResult> {
  const { files, located, access } = input;
  const runID = input.runID ?? newRunID(Date.now());
  const stores = await openStores(files, located, access);
  // Writers have their own connections. An open reader would only prevent the reset of the WAL.
  for (const store of stores) if (store.state === "ok") store.store.close();
  const applied: Applied = await applyPlan({
    files,
    dataDir: located.dataDir,
    stores,
    plan,
    runID,
    trigger: input.trigger,
    hostVersion: input.hostVersion,
    lock,
    ...(input.signal && { signal: input.signal }),
    ...(input.onProgress && { onProgress: input.onProgress }),
  });
  return { ...applied, runID: applied.manifests.length > 0 ? runID : null };
}
