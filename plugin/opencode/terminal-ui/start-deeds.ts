import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import type { ManifestItem } from "../../model/manifest-item.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { timeOfRunID } from "../../quarantine/run-id.ts";
import { eachRun } from "../../quarantine/runs.ts";
import { ACTION } from "../../repair/reported-item.ts";
import { plural } from "../../words/amounts.ts";
import { REPAIR_UNDOES } from "../../words/answers/common.ts";
import { doneWords } from "../../words/records.ts";
import type { RequestContext } from "../repair-request.ts";
import type { SessionGuard } from "./session-guard.ts";

const TOAST_MS = 10_000;

/**
 * The triggers of repairs that the plugin began without a question: at the start, in the background, or while opencode
 * runs.
 */
const UNASKED: readonly string[] = ["preload", "watch"];

/** What the plugin's server half repaired at the start, before the terminal UI could show anything. */
interface StartDeeds {
  readonly sessions: number;
  /** The remedy of each record that was repaired. */
  readonly remedies: readonly ManifestItem["remedy"][];
}

/**
 * Tells the user what happened before the terminal UI was on the screen. The server half starts first and may have
 * repaired something. If the server half only checks, damaged session lists are named.
 */
export async function tellOfStart(api: TuiPluginApi, context: RequestContext, guard: SessionGuard): Promise<void> {
  const processStart = Date.now() - process.uptime() * 1000;
  const { sessions, remedies } = await deedsOfStart(context.files, context.located.dataDir, processStart);
  const done = remedies.map((remedy) => ({ action: ACTION[remedy] }));
  const lists = await guard.damagedLists();
  const lines: string[] = [];
  if (done.length > 0) {
    // The remedies do not show whether opencode still lists each session, so the text does not mention this.
    lines.push(`${doneWords(done, "damaged record", ` of ${plural(sessions, "session")}`)}.`, REPAIR_UNDOES);
  }
  if (lists.length > 0) {
    const [keep, them] = lists.length === 1 ? ["keeps", "it"] : ["keep", "them"];
    lines.push(
      `${plural(lists.length, "damaged record")} ${keep} the session list from loading. Type /repair to repair ${them}.`,
    );
  }
  if (lines.length === 0) return;
  const variant = lists.length > 0 ? "warning" : "success";
  api.ui.toast({ variant, title: "Session repair", message: lines.join(" "), duration: TOAST_MS });
}

/** The repairs that were made without a question since a time. `since`: milliseconds since the epoch. */
export async function deedsOfStart(files: FileSystem, dataDir: string, since: number): Promise<StartDeeds> {
  let sessions = 0;
  const remedies: ManifestItem["remedy"][] = [];
  // The id of a run begins with its time, so older runs are skipped without reading them.
  for await (const run of eachRun(files, dataDir, ({ runID }) => timeOfRunID(runID) >= since)) {
    if (!run.ok || !UNASKED.includes(run.state.trigger) || Date.parse(run.state.createdAt) < since) continue;
    sessions += 1;
    for (const [remedy, count] of Object.entries(run.state.doneBy)) {
      remedies.push(...Array<ManifestItem["remedy"]>(count).fill(remedy as ManifestItem["remedy"]));
    }
  }
  return { sessions, remedies };
}
