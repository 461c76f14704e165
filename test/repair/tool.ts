import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { deleteRun } from "../../plugin/quarantine/retention.ts";
import { storedRunID, storedRuns } from "../../plugin/quarantine/vault.ts";
import { check } from "../../plugin/repair/check.ts";
import type { Selection } from "../../plugin/repair/plan.ts";
import { type RepairResult, repair, underLock } from "../../plugin/repair/repair.ts";
import { planRestore, type RestoreInput, type RestoreResult, restore } from "../../plugin/repair/restore.ts";
import { located } from "../stores/store-under-test.ts";

/**
 * The real file system, but every file's status seems to have changed long ago. So a check does not wait until a file
 * is old enough to be judged.
 */
export const settledFiles: FileSystem = {
  ...nodeFileSystem,
  async stat(path) {
    const found = await nodeFileSystem.stat(path);
    return found === null ? null : { ...found, ctimeMs: found.mtimeMs };
  },
};

export const EVERYTHING: Selection = { codes: null, unasked: false };

/** What a check of a whole data directory finds. */
export async function findingsIn(
  dataDir: string,
  files: FileSystem = settledFiles,
): Promise<readonly ConfirmedFinding[]> {
  const outcome = await check({ files, located: await located(files, dataDir), sessionIDs: [], concurrency: 4 });
  if (!outcome.ok) throw new Error("There is no such session.");
  return outcome.result.findings;
}

/** The findings of severity `blocking`, which keep opencode from loading something. */
export async function blockingIn(
  dataDir: string,
  files: FileSystem = settledFiles,
): Promise<readonly ConfirmedFinding[]> {
  return (await findingsIn(dataDir, files)).filter(({ severity }) => severity === "blocking");
}

/** Repairs these findings, as the command line does. */
export async function repairFindings(
  files: FileSystem,
  dataDir: string,
  findings: readonly ConfirmedFinding[],
  selection: Selection = EVERYTHING,
): Promise<RepairResult> {
  const where = { files, located: await located(nodeFileSystem, dataDir), access: "outside" as const };
  return repair({ ...where, findings, selection, trigger: "cli", hostVersion: null });
}

export async function checkAndRepair(dataDir: string, selection: Selection = EVERYTHING): Promise<RepairResult> {
  return repairFindings(settledFiles, dataDir, await findingsIn(dataDir), selection);
}

/** Restores a whole run, or only the sessions or items that `only` names. */
export async function restoreRun(
  files: FileSystem,
  dataDir: string,
  runID: string,
  only: Partial<Pick<RestoreInput, "sessionIDs" | "itemIDs">> = {},
): Promise<RestoreResult> {
  const where = { files, located: await located(nodeFileSystem, dataDir), access: "outside" as const };
  const input: RestoreInput = { ...where, runID, sessionIDs: [], itemIDs: [], ...only };
  const planning = await planRestore({ ...input, files: nodeFileSystem });
  if (!planning.ok) throw new Error(planning.message);
  return restore(input, planning.plan);
}

/** Restores every run in quarantine, newest first. */
export async function restoreEverything(files: FileSystem, dataDir: string): Promise<void> {
  const ids = new Set((await storedRuns(nodeFileSystem, dataDir)).map(storedRunID));
  for (const id of ids) await restoreRun(files, dataDir, id);
}

/** Deletes every run, as `purge` does. */
export async function purgeEverything(files: FileSystem, dataDir: string): Promise<void> {
  const where = { files, located: await located(nodeFileSystem, dataDir), access: "outside" as const };
  await underLock(where, async () => {
    for (const run of await storedRuns(files, dataDir)) await deleteRun(files, run);
  });
}
