import { join } from "node:path";
import { THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { Locator } from "../model/artifact.ts";
import type { ManifestItem, RunFolder } from "../model/manifest-item.ts";
import { NotAFolderError } from "../platform/durable.ts";
import { errnoCode, type FileSystem } from "../platform/file-system.ts";
import { ChangedWhileCopiedError } from "../platform/move.ts";
import type { RepairLock } from "../quarantine/lock.ts";
import type { Manifest, Trigger } from "../quarantine/manifest.ts";
import { relativeDatabase } from "../quarantine/places.ts";
import { deleteRun, removeTree } from "../quarantine/retention.ts";
import { newCreationTime } from "../quarantine/run-id.ts";
import { createRunFolder, publishRun, UnwritableManifestError, writeManifest } from "../quarantine/vault.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { sqliteFailure } from "../stores/sqlite/sqlite-error.ts";
import {
  DISK_FULL,
  type ItemOutcome,
  type Operation,
  type PrepareOptions,
  StoreRefusedError,
  type StoreWriter,
} from "../stores/writer.ts";
import { TOOL } from "../tool-identity.ts";
import { DISK_ERROR, unreadable } from "../words/refusals.ts";
import { refusalToWrite } from "./may-write.ts";
import type { Plan, PlannedSession } from "./plan.ts";
import { ACTION, type ReportedItem, reportedItem, skippedItem } from "./reported-item.ts";

export interface ApplyInput {
  readonly files: FileSystem;
  readonly dataDir: string;
  readonly stores: readonly OpenedStore[];
  readonly plan: Plan;
  readonly runID: string;
  readonly trigger: Trigger;
  readonly hostVersion: string | null;
  readonly lock: RepairLock;
  readonly signal?: AbortSignal;
  /** Called after each session is repaired, with the number of finished operations and the total. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** Why a repair stopped early: one sentence that also tells the user what to do. */
export interface Stopped {
  readonly kind: "refused" | "failed";
  readonly message: string;
}

/** A repair obeys a signal only between two folders of the quarantine, so that no change is left half-finished. */
export const STOPPED_BETWEEN: Stopped = { kind: "refused", message: "Stopped. The changes made so far are complete." };

/**
 * Another process took over the lock, or a user removed the lock, while this process slept. This process must not
 * continue.
 */
export const TAKEN_OVER: Stopped = {
  kind: "refused",
  message:
    "Another repair took over this data directory, so this repair stopped. The changes made so far are complete.",
};

export interface Applied {
  readonly items: ReportedItem[];
  /** The absolute paths of the manifests that list the changes. */
  readonly manifests: string[];
  readonly stopped: Stopped | null;
}

/**
 * Carries out a plan, one session after the other. For each session, the originals are saved first and the manifest is
 * written. Then the records are changed, and the manifest is completed. Stops at the first failure.
 */
export async function applyPlan(input: ApplyInput): Promise<Applied> {
  const applied: Applied & { stopped: Stopped | null } = { items: [], manifests: [], stopped: null };
  const writers = new Map<number, StoreWriter>();
  try {
    const total = input.plan.reduce((sum, session) => sum + session.operations.length, 0);
    const inBundles = total >= BUNDLED_FROM;
    let done = 0;
    const numbered = new Map<string, number>();
    for (const session of input.plan.flatMap(inBoundedRuns)) {
      if (input.signal?.aborted) {
        return { ...applied, stopped: STOPPED_BETWEEN };
      }
      if (!(await input.lock.isHeld())) {
        return { ...applied, stopped: TAKEN_OVER };
      }
      const writer =
        writers.get(session.store) ??
        (await writerFor(input.stores[session.store], placesIn(input.plan, session.store)));
      writers.set(session.store, writer);
      const key = `${session.store} ${session.sessionID}`;
      const taken = numbered.get(key) ?? 0;
      const before = applied.items.length;
      const stopped = await applySession(input, writer, session, applied, { taken, inBundles });
      if (stopped !== null) return { ...applied, stopped };
      numbered.set(key, taken + applied.items.length - before);
      done += session.operations.length;
      input.onProgress?.(done, total);
    }
    return applied;
  } catch (error) {
    return { ...applied, stopped: stoppedBy(error) };
  } finally {
    for (const writer of writers.values()) writer.close();
  }
}

/**
 * If a plan has at least this many operations, many original rows are saved together in one file. That is faster than
 * one file for each row.
 */
const BUNDLED_FROM = 500;

/** The limits for one run folder. Its manifest must fit in memory, and little work must be left after a crash. */
const LARGEST_RUN = { operations: 2_000, bytes: 64 * 1024 * 1024 };

/** Splits a session with very many operations into several run folders, which are applied one after the other. */
function inBoundedRuns(session: PlannedSession): PlannedSession[] {
  const runs: Operation[][] = [];
  let bytes = 0;
  for (const operation of session.operations) {
    const size = operation.seen?.bytes ?? 0;
    const run = runs.at(-1);
    if (run === undefined || run.length >= LARGEST_RUN.operations || bytes + size > LARGEST_RUN.bytes) {
      runs.push([operation]);
      bytes = size;
    } else {
      run.push(operation);
      bytes += size;
    }
  }
  return runs.map((operations) => ({ ...session, operations }));
}

function placesIn(plan: Plan, store: number): Locator[] {
  return plan
    .filter((session) => session.store === store)
    .flatMap(({ operations }) => operations.map((each) => each.locator));
}

async function writerFor(store: OpenedStore | undefined, places: readonly Locator[]): Promise<StoreWriter> {
  if (store === undefined || store.state === "unusable") {
    throw new StoreRefusedError("failed", "The store cannot be opened for writing.");
  }
  const refusal = refusalToWrite(store.origin, places);
  if (refusal !== null) throw new StoreRefusedError("busy", refusal);
  return store.state === "ok" ? store.openWriter() : store.half2x.openWriter();
}

const HELD =
  "Another program, such as opencode, an antivirus or an indexer, holds a file, or this user may not change the file. Nothing was lost. Close the programs that use the data directory, then try again.";

/**
 * Turns an expected failure into a sentence for the user. Any other failure is a bug in this tool, so its error is
 * thrown again.
 */
export function stoppedBy(error: unknown): Stopped {
  if (error instanceof StoreRefusedError) {
    return { kind: error.kind === "busy" ? "refused" : "failed", message: error.message };
  }
  if (error instanceof NotAFolderError || error instanceof UnwritableManifestError) {
    return { kind: "refused", message: error.message };
  }
  if (error instanceof ChangedWhileCopiedError)
    return { kind: "refused", message: `${error.message} Nothing was lost.` };
  const damage = sqliteFailure(error);
  if (damage === "malformed" || damage === "not-a-database") return { kind: "failed", message: unreadable("database") };
  switch (errnoCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return { kind: "failed", message: DISK_FULL };
    case "EACCES":
    case "EPERM":
    case "EROFS":
      if (THIS_SYSTEM === "windows") return { kind: "refused", message: HELD };
      return {
        kind: "failed",
        message:
          "A file or folder that is needed may not be read or changed, or the file system is read-only. Nothing was lost. `opencode-session-repair check` in a terminal names the file and the command that corrects it.",
      };
    case "EBUSY":
    case "UNKNOWN":
      return { kind: "refused", message: HELD };
    case "EIO":
      return { kind: "failed", message: DISK_ERROR };
    case "ENOTDIR":
      return { kind: "refused", message: "A folder was replaced by a link or a file. Nothing was lost." };
    case null:
      throw error;
    default:
      return { kind: "failed", message: `The operating system reported ${errnoCode(error)}. Nothing was lost.` };
  }
}

async function applySession(
  input: ApplyInput,
  writer: StoreWriter,
  session: PlannedSession,
  applied: Applied,
  how: PrepareOptions,
): Promise<Stopped | null> {
  const { files, dataDir, runID } = input;
  const prepared = await createRunFolder(files, dataDir, session.sessionID, runID);
  let manifest: Manifest;
  let run: RunFolder;
  try {
    const captured = await capture(input, writer, session, prepared, applied, how);
    if (captured === null) {
      await removeTree(files, prepared.path);
      return null;
    }
    manifest = captured;
    if (!(await input.lock.isHeld())) throw new StoreRefusedError("busy", TAKEN_OVER.message);
    run = await publishRun(files, prepared, manifest);
  } catch (error) {
    // No record of opencode was changed so far. The prepared folder holds only copies, so it can be deleted.
    await removeTree(files, prepared.path).catch(() => undefined);
    throw error;
  }
  let outcomes: ItemOutcome[];
  let failure: unknown = null;
  try {
    outcomes = await writer.setAside(manifest.items, run.path);
  } catch (error) {
    failure = error;
    outcomes = await observed(writer, manifest.items, run.path);
  }
  const finished = withOutcomes(manifest, outcomes);
  report(applied, finished, outcomes);
  if (finished.items.some((item) => item.state === "done")) {
    applied.manifests.push(join(run.path, "manifest.json"));
    await writeManifest(files, run.path, finished);
  } else await deleteRun(files, { folder: run.path });
  return failure === null ? null : stoppedBy(failure);
}

/**
 * Saves the original records before they are changed, and returns the manifest. Returns `null` if every change was
 * skipped.
 */
async function capture(
  input: ApplyInput,
  writer: StoreWriter,
  session: PlannedSession,
  run: RunFolder,
  applied: Applied,
  how: PrepareOptions,
): Promise<Manifest | null> {
  const prepared = await writer.prepare(session.operations, run, how);
  for (const { operation, reason } of prepared.skipped) applied.items.push(skippedItem(operation, reason));
  if (prepared.items.length === 0) return null;
  const store = input.stores[session.store];
  if (store === undefined) return null;
  const safetyCopy =
    session.sessionID === null
      ? { state: "skipped" as const, reason: "it belongs to no session" }
      : await writer.copyForSafety(session.sessionID, session.operations, run.path);
  return {
    schemaVersion: 1,
    runID: input.runID,
    sessionID: session.sessionID,
    createdAt: newCreationTime(Date.now()),
    trigger: input.trigger,
    tool: TOOL,
    host: hostOf(input.hostVersion ?? store.description.hostVersion),
    store: {
      generation: store.description.generation,
      contract: store.description.contract,
      ...(store.description.database === undefined
        ? {}
        : { database: relativeDatabase(input.dataDir, store.description.database) }),
    },
    state: "planned",
    safetyCopy,
    items: prepared.items,
  };
}

function hostOf(version: string | null): Manifest["host"] {
  return version === null ? null : { version };
}

async function observed(writer: StoreWriter, items: readonly ManifestItem[], folder: string): Promise<ItemOutcome[]> {
  const outcomes: ItemOutcome[] = [];
  for (const item of items) {
    const seen = await writer.observe(item, folder);
    await writer.finish(item, folder, seen);
    outcomes.push(
      seen === "set-aside"
        ? { id: item.id, state: "done" }
        : { id: item.id, state: "skipped", reason: "the run stopped before this record" },
    );
  }
  return outcomes;
}

/** The manifest with the state that each of its items has after the repair. */
export function withOutcomes(manifest: Manifest, outcomes: readonly ItemOutcome[]): Manifest {
  const byID = new Map(outcomes.map((outcome) => [outcome.id, outcome.state]));
  const items = manifest.items.map((item) => ({ ...item, state: byID.get(item.id) ?? item.state }));
  return { ...manifest, items, state: runState(items) };
}

function runState(items: readonly ManifestItem[]): Manifest["state"] {
  if (items.some((item) => item.state === "done")) return "done";
  return items.some((item) => item.state === "restored") ? "restored" : "rolled-back";
}

function report(applied: Applied, manifest: Manifest, outcomes: readonly ItemOutcome[]): void {
  const reasons = new Map(outcomes.map((outcome) => [outcome.id, outcome.reason]));
  for (const item of manifest.items) {
    const action = item.state === "done" ? ACTION[item.remedy] : "skipped";
    applied.items.push(reportedItem(manifest, item, action, reasons.get(item.id)));
  }
}
