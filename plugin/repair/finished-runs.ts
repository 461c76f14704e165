import { join } from "node:path";
import type { FileSystem } from "../files/file-system.ts";
import { deleteRun, runsOlderThan } from "../quarantine/retention.ts";
import { type StoredRun, storedRuns } from "../quarantine/vault.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/open.ts";
import type { ConfirmedFinding } from "./finding.ts";
import { keptKey } from "./plan.ts";
import { underLock } from "./repair.ts";

/**
 * Deletes runs older than `ageMs` of which every byte is live again: rolled back, or restored. A restored run whose
 * artifacts are still damaged (`findings`) stays: it is what keeps the start from setting them aside again. Runs that
 * still hold something are never deleted here.
 */
export async function deleteFinishedRuns(
  where: { readonly files: FileSystem; readonly located: Located; readonly access: Access },
  findings: readonly ConfirmedFinding[],
  ageMs: number,
): Promise<void> {
  const damaged = new Set(findings.map((finding) => keptKey(finding, finding.seen)));
  const { files, located } = where;
  const isFinished = async (run: StoredRun) =>
    run.ok &&
    // A salvage that was not put in place yet still may be.
    !run.manifest.items.some((item) => item.kind === "database") &&
    run.manifest.items.every((item) => item.state !== "done" && item.state !== "planned") &&
    !run.manifest.items.some((item) => item.state === "restored" && damaged.has(keptKey(item, item.original))) &&
    !(await holdsFiles(files, run));
  const finished: StoredRun[] = [];
  for (const run of runsOlderThan(await storedRuns(files, located.dataDir), ageMs, Date.now())) {
    if (await isFinished(run)) finished.push(run);
  }
  if (finished.length === 0) return;
  await underLock(where, async () => {
    for (const run of finished) await deleteRun(files, run);
  });
}

/** Files are moved, not copied: one that is still here is nowhere else, whatever the manifest says. */
async function holdsFiles(files: FileSystem, { folder, manifest }: StoredRun & { ok: true }): Promise<boolean> {
  if (manifest.store.generation !== "json") return false;
  for (const { original } of manifest.items) {
    if (original !== null && (await files.stat(join(folder, original.file))) !== null) return true;
  }
  return false;
}
