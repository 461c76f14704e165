import type { ManifestItem } from "../../model/manifest-item.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { timeOfRunID } from "../../quarantine/run-id.ts";
import { eachRun } from "../../quarantine/runs.ts";

/** The origin of a repair that nobody asked for: the start itself, or the background check and the watch after it. */
const UNASKED: readonly string[] = ["preload", "watch"];

/** The records that the server half repaired at the start, before there was a screen. */
export interface StartDeeds {
  readonly sessions: number;
  /** The remedy of each record that was repaired. */
  readonly remedies: readonly ManifestItem["remedy"][];
}

/** The records that were repaired without asking since this process started. `since` is in milliseconds since 1970. */
export async function deedsOfStart(files: FileSystem, dataDir: string, since: number): Promise<StartDeeds> {
  let sessions = 0;
  const remedies: ManifestItem["remedy"][] = [];
  // The name of an older run shows its time, so it is skipped.
  for await (const run of eachRun(files, dataDir, ({ runID }) => timeOfRunID(runID) >= since)) {
    if (!run.ok || !UNASKED.includes(run.state.trigger) || Date.parse(run.state.createdAt) < since) continue;
    sessions += 1;
    for (const [remedy, count] of Object.entries(run.state.doneBy)) {
      remedies.push(...Array<ManifestItem["remedy"]>(count).fill(remedy as ManifestItem["remedy"]));
    }
  }
  return { sessions, remedies };
}
