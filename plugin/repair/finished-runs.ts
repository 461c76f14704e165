import { join } from "node:path";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { deleteRun, runsOlderThan } from "../quarantine/retention.ts";
import { keptKey, MANIFEST_FILE } from "../quarantine/run-state.ts";
import { allRuns, keptKeysOf, type ReadableSummary } from "../quarantine/runs.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/opened-store.ts";

/** The damage that was left in one store after all of its records were checked. */
export interface WholeCheck {
  /** The name of the database, as manifests state it; `null` for JSON files. */
  readonly database: string | null;
  readonly findings: readonly ConfirmedFinding[];
}

/**
 * Deletes repair runs that are older than `ageMs` and that keep no original any more, because all of their changes were
 * rolled back or undone. As long as a restored run exists, the plugin does not repair the same records again unasked.
 * So a restored run is deleted only under three conditions. The undo is older than `ageMs`, the whole store was
 * checked, and none of the run's records is still damaged. A run that still keeps an original is never deleted here.
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
  // A repair run that keeps a whole database is still needed: opencode may get the salvaged database later, or the user
  // may restore the replaced database.
  if (holdsDatabase || byState.done !== undefined || byState.planned !== undefined) return false;
  if (byState.restored !== undefined && (await isNeeded(files, run, checked, ageMs))) return false;
  return !(await holdsFiles(files, run));
}

/**
 * Whether a restored repair run is still needed, because without it the plugin might repair a restored record again
 * unasked.
 */
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
 * Whether the repair run's folder still has an original file. A repair moves files and does not copy them, so such a
 * file may be the only copy. The manifest is not trusted here.
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
