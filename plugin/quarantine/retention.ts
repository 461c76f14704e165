import { basename, dirname, join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { remainders } from "./run-folders.ts";
import type { ReadableSummary, RunSummary } from "./runs.ts";

/** Deletes a folder of the quarantine with everything in it, and its parent folder if that is then empty. */
export async function removeTree(files: FileSystem, folder: string): Promise<void> {
  await removeBelow(files, folder);
  await files.removeDirectory(dirname(folder)).catch(() => undefined);
}

async function removeBelow(files: FileSystem, folder: string): Promise<void> {
  // If the folder is a link, the link is removed and its target is kept.
  if ((await files.stat(folder))?.type !== "directory") return files.unlink(folder);
  for (const entry of (await files.list(folder)) ?? []) {
    const path = join(folder, entry.name);
    if (entry.type === "directory") await removeBelow(files, path);
    else await files.unlink(path);
  }
  await files.removeDirectory(folder);
}

/**
 * If quarantine is larger than this, in bytes, every answer that shows it says so. No run is deleted because of this
 * size.
 */
export const LARGE_QUARANTINE_BYTES = 1_000_000_000;

/** The number of items whose content exists only in quarantine. */
export function itemsOnlyHere(run: RunSummary): number {
  return run.ok ? run.state.onlyHere : 0;
}

/** The runs that are older than an age. A run that is in progress or unreadable is never included. */
export function runsOlderThan(runs: readonly RunSummary[], ageMs: number, now: number): ReadableSummary[] {
  return runs.filter(
    (run): run is ReadableSummary =>
      run.ok && run.state.state !== "planned" && now - Date.parse(run.state.createdAt) > ageMs,
  );
}

/**
 * Deletes one run for good. Before a run is deleted, it is renamed to a hidden name. So after a crash there is either
 * the whole run, or a remainder that no list shows and that {@link removeRemainders} deletes.
 */
export async function deleteRun(files: FileSystem, run: Pick<RunSummary, "folder">): Promise<void> {
  const condemned = join(dirname(run.folder), `.purged-${basename(run.folder)}`);
  await files.rename(run.folder, condemned);
  await files.syncDirectory(dirname(condemned));
  await removeTree(files, condemned);
}

/**
 * Removes the folders that a crash left before a run began or while a run was being deleted. Call this function only
 * under the lock.
 */
export async function removeRemainders(files: FileSystem, dataDir: string): Promise<void> {
  for (const folder of await remainders(files, dataDir)) await removeTree(files, folder);
}
