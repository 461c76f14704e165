import type { ItemState, ManifestItem } from "../model/manifest-item.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { removeRemainders } from "../quarantine/retention.ts";
import { runFolders } from "../quarantine/run-folders.ts";
import { readRunState } from "../quarantine/run-state.ts";
import { readAndRecord, removeUnfinishedFiles, writeManifest } from "../quarantine/vault.ts";
import type { Located } from "../stores/locate.ts";
import type { Access } from "../stores/opened-store.ts";
import { type ItemOutcome, type Observed, StoreRefusedError, type StoreWriter } from "../stores/writer.ts";
import { withOutcomes } from "./apply.ts";
import { writerForManifest } from "./run-store.ts";

/**
 * Finds out how far each interrupted repair run came, and writes that to its manifest. A record that had left its place
 * becomes `done`, and can be restored. A record that had not left its place becomes `rolled-back`. A record that had
 * returned to its place becomes `restored`. The caller must hold the lock. Returns the number of updated runs.
 */
export async function reconcileRuns(files: FileSystem, located: Located, access: Access): Promise<number> {
  let settled = 0;
  await removeRemainders(files, located.dataDir);
  for await (const { folder, runID } of runFolders(files, located.dataDir)) {
    await removeUnfinishedFiles(files, folder);
    // A valid state file exists only if the repair run is complete, so the manifest need not be read.
    if ((await readRunState(files, folder)) !== null) continue;
    const run = await readAndRecord(files, folder, runID);
    if (!run.ok || run.manifest.state !== "planned") continue;
    const writer = await writerOrNothing(files, located, access, run.manifest);
    if (writer === null) continue;
    try {
      if (!(await isSettled(writer, run.folder))) continue;
      const outcomes: ItemOutcome[] = [];
      for (const item of run.manifest.items) {
        if (item.state !== "planned" && item.state !== "done") continue;
        const seen = await writer.observe(item, run.folder);
        await writer.finish(item, run.folder, seen);
        outcomes.push({ id: item.id, state: settledState(item, seen) });
      }
      await writeManifest(files, run.folder, withOutcomes(run.manifest, outcomes));
      settled += 1;
    } finally {
      writer.close();
    }
  }
  return settled;
}

/**
 * The state of an item after a crash. If the record is neither in its place nor in the quarantine, another process
 * changed it.
 */
function settledState(item: ManifestItem, seen: Observed): ItemState {
  if (item.state === "done") return seen === "live" ? "restored" : "done";
  return seen === "set-aside" ? "done" : "rolled-back";
}

async function isSettled(writer: StoreWriter, folder: string): Promise<boolean> {
  try {
    await writer.settle(folder);
    return true;
  } catch (error) {
    if (error instanceof StoreRefusedError) return false;
    throw error;
  }
}

/**
 * Returns `null` if the database of an unfinished repair run is missing. That run stays unfinished until the database
 * exists again, but must not block other repairs.
 */
async function writerOrNothing(
  ...where: Parameters<typeof writerForManifest>
): Promise<Awaited<ReturnType<typeof writerForManifest>> | null> {
  try {
    return await writerForManifest(...where);
  } catch (error) {
    if (error instanceof StoreRefusedError) return null;
    throw error;
  }
}
