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
  /** The findings of a check. `store` in a finding is an index into the stores of `located`. */
  readonly findings: readonly ConfirmedFinding[];
  readonly selection: Selection;
  readonly trigger: Trigger;
  readonly hostVersion: string | null;
  readonly signal?: AbortSignal;
  /**
   * The longest time to wait for another repair, in milliseconds. By default, this process waits only if the lock has
   * expired and may soon be taken over.
   */
  readonly patienceMs?: number;
  /** The id of the repair run, if this repair is a further step of a run that has begun. */
  readonly runID?: string;
  /** Called from time to time with the number of finished records and the total. */
  readonly onProgress?: (done: number, of: number) => void;
}

export interface RepairResult {
  /** The id of the repair run; `null` if nothing was changed. */
  readonly runID: string | null;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  readonly stopped: Stopped | null;
}

/** How often the lock is tried again. A repair by another process takes only tens of milliseconds. */
const LOCK_RETRY_MS = 25;

const NOTHING: RepairResult = { runID: null, manifests: [], items: [], stopped: null };

/** Takes the lock of the data directory, completes or rolls back interrupted repair runs, and then calls `work`. */
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
      // All changes are complete at this point, even if the lock file cannot be removed.
      await taken.lock.release().catch(() => undefined);
    }
  } catch (error) {
    return stoppedBy(error);
  }
}

/**
 * Completes or rolls back a repair run that a crash interrupted, and removes its lock and unfinished deletions. Use
 * this function if there is no other work to do under the lock. If another process holds the lock, that process does
 * all of this.
 */
export async function settleUnfinished(input: Pick<RepairInput, "files" | "located" | "access">): Promise<void> {
  if (await isUnfinished(input.files, input.located.dataDir)) await underLock(input, async () => null);
}

/** Whether the result of {@link underLock} says that the work was not done. */
export function isStopped(outcome: object): outcome is Stopped {
  return "kind" in outcome && "message" in outcome;
}

/**
 * Plans the repair of findings and carries it out. If there is nothing to do, no lock is taken and no folder is
 * created. If the user was not asked, records that a user has restored are not repaired again, even if they were
 * restored after the check.
 */
export async function repair(input: RepairInput): Promise<RepairResult> {
  const plan = await planned(input).catch(stoppedBy);
  if ("kind" in plan) return { ...NOTHING, stopped: plan };
  if (plan.length === 0) return NOTHING;
  const outcome = await underLock(input, async (lock) => {
    // The plan is made again under the lock. While this process waited for the lock, an undo may have restored records,
    // or the undo of a crashed process may have been completed.
    const current = await planned(input);
    return current.length === 0 ? NOTHING : applyWhatIsFree(input, current, lock);
  });
  return isStopped(outcome) ? { ...NOTHING, stopped: outcome } : outcome;
}

async function planned({ files, located, findings, selection }: RepairInput): Promise<Plan> {
  if (!selection.unasked) return planRepair(findings, selection);
  // Most checks find nothing that may be repaired unasked. Then the quarantine need not be read.
  if (planRepair(findings, selection).length === 0) return [];
  return planRepair(findings, selection, await keptByUser(files, located.dataDir));
}

/** Carries out the plan, but does not close a turn on which another process may still be working. */
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
  const items = [...done.items, ...settling.map((operation) => skippedItem(operation, "the session may be in use"))];
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
  // The writers open connections of their own. An open reader would only keep SQLite from emptying the WAL.
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
