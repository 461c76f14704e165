import { basename, dirname, join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { remainders } from "./run-folders.ts";
import type { ReadableSummary, RunSummary } from "./runs.ts";

/** Deletes a folder inside the quarantine with everything in it. Then deletes the parent folder, if that is empty. */
export async function removeTree(files: FileSystem, folder: string): Promise<void> {
  await removeBelow(files, folder);
  await files.removeDirectory(dirname(folder)).catch(() => undefined);
}

async function removeBelow(files: FileSystem, folder: string): Promise<void> {
  // If the folder is a symbolic link, only the link is removed. The target of the link stays.
  if ((await files.stat(folder))?.type !== "directory") return files.unlink(folder);
  for (const entry of (await files.list(folder)) ?? []) {
    const path = join(folder, entry.name);
    if (entry.type === "directory") await removeBelow(files, path);
    else await files.unlink(path);
  }
  await files.removeDirectory(folder);
}

/**
 * If the quarantine is larger than this number of bytes, every answer that shows its size warns the user. Nothing is
 * deleted because of the size.
 */
export const LARGE_QUARANTINE_BYTES = 1_000_000_000;

/** How many original records of this repair run exist only in the quarantine. Deleting the run would lose them. */
export function itemsOnlyHere(run: RunSummary): number {
  return run.ok ? run.state.onlyHere : 0;
}

/** The repair runs that are older than `ageMs`. A run that is in progress or unreadable is never included. */
export function runsOlderThan(runs: readonly RunSummary[], ageMs: number, now: number): ReadableSummary[] {
  return runs.filter(
    (run): run is ReadableSummary =>
      run.ok && run.state.state !== "planned" && now - Date.parse(run.state.createdAt) > ageMs,
  );
}

/**
 * Deletes one repair run for good. The run's folder is first renamed to a hidden name. After a crash, either the whole
 * run is listed, or no list shows it and {@link removeRemainders} deletes the rest.
 */
export async function deleteRun(files: FileSystem, run: Pick<RunSummary, "folder">): Promise<void> {
  const condemned = join(dirname(run.folder), `.purged-${basename(run.folder)}`);
  await files.rename(run.folder, condemned);
  await files.syncDirectory(dirname(condemned));
  await removeTree(files, condemned);
}

/**
 * Removes the folders that a crash left while a repair run was being prepared or deleted. The caller must hold the
 * lock.
 */
export async function removeRemainders(files: FileSystem, dataDir: string): Promise<void> {
  for (const folder of await remainders(files, dataDir)) await removeTree(files, folder);
}
