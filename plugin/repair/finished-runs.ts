import { join } from "node:path";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { deleteRun, runsOlderThan } from "../quarantine/retention.ts";
import { keptKey, MANIFEST_FILE } from "../quarantine/run-state.ts";
import { allRuns, keptKeysOf, type ReadableSummary } from "../quarantine/runs.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/opened-store.ts";

/** The damage that remained in one store after a check of everything. */
export interface WholeCheck {
  /** The name of the database in manifests; `null` for files. */
  readonly database: string | null;
  readonly findings: readonly ConfirmedFinding[];
}

/**
 * Deletes runs older than `ageMs` if all of their bytes are live again: rolled back or restored. As long as a restored
 * run exists, the start does not repair the same records again. So such a run is deleted only if all of this is true:
 * it was restored long enough ago, its whole store was checked after that, and none of its records is still damaged.
 * Runs that still hold a record are never deleted here.
 */
export async function deleteFinishedRuns(
  where: { readonly files: FileSystem; readonly located: Located; readonly access: Access },
  checked: readonly WholeCheck[],
  ageMs: number,
): Promise<void> {
  const { files, located } = where;
  const finished = async () => {
    const found: ReadableSummary[] = [];
    for (const run of runsOlderThan(await allRuns(files, located.dataDir), ageMs, Date.now())) {
      if (await isFinished(files, run, checked, ageMs)) found.push(run);
    }
    return found;
  };
  if ((await finished()).length === 0) return;
  const { underLock } = await import("./repair.ts");
  await underLock(where, async (lock) => {
    for (const run of await finished()) if (await lock.isHeld()) await deleteRun(files, run);
  });
}

async function isFinished(
  files: FileSystem,
  run: ReadableSummary,
  checked: readonly WholeCheck[],
  ageMs: number,
): Promise<boolean> {
  const { byState, holdsDatabase } = run.state;
  // A salvaged database that is not in place yet may still be put in place.
  if (holdsDatabase || byState.done !== undefined || byState.planned !== undefined) return false;
  if (byState.restored !== undefined && (await isNeeded(files, run, checked, ageMs))) return false;
  return !(await holdsFiles(files, run));
}

/** Whether a restored run keeps the start from repairing a record, or may do so. */
async function isNeeded(
  files: FileSystem,
  run: ReadableSummary,
  checked: readonly WholeCheck[],
  ageMs: number,
): Promise<boolean> {
  const store = checked.find(({ database }) => database === run.state.database);
  if (store === undefined) return true;
  const found = await files.stat(join(run.folder, MANIFEST_FILE));
  if (found === null || Date.now() - found.mtimeMs < ageMs) return true;
  const damaged = new Set(store.findings.map((finding) => keptKey(finding, finding.seen)));
  return (await keptKeysOf(files, run)).some((key) => damaged.has(key));
}

/**
 * Files are moved, not copied. A file that is still in the run's folder has no other copy, whatever the manifest says.
 */
async function holdsFiles(files: FileSystem, { folder, state }: ReadableSummary): Promise<boolean> {
  if (state.database !== null || (await files.list(join(folder, "items")))?.length === 0) return false;
  const { readRun } = await import("../quarantine/vault.ts");
  const run = await readRun(files, folder, state.runID);
  if (!run.ok) return true;
  for (const { original } of run.manifest.items) {
    if (original !== null && (await files.stat(join(folder, original.file))) !== null) return true;
  }
  return false;
}
