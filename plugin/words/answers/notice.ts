import type { ConfirmedFinding } from "../../model/finding.ts";
import type { ReportedItem } from "../../repair/reported-item.ts";
import { plural, themOrIt } from "../amounts.ts";
import { withNpx } from "../commands.ts";
import { openedAgain } from "../records.ts";

/** The plugin's message after a check: ids, codes and counts, never content or paths. */
export interface Notice {
  readonly trigger: "preload" | "watch";
  readonly runID: string | null;
  readonly items: readonly ReportedItem[];
  /** The errors that were not repaired. */
  readonly remaining: readonly ConfirmedFinding[];
  readonly warnings: readonly string[];
  readonly stopped: string | null;
  /** A note for opencode's log only. A toast would show the same note at every start. */
  readonly note?: string;
}

/** The one sentence that a toast shows to the user. */
export function noticeSentence(notice: Notice): string {
  return withNpx(sentenceOf(notice));
}

function sentenceOf(notice: Notice): string {
  const done = notice.items.filter((item) => item.action !== "skipped");
  if (notice.stopped !== null) {
    const damaged = new Set(notice.remaining.map((finding) => finding.sessionID)).size;
    const left = damaged === 0 ? "" : `${plural(damaged, "session")} cannot be opened. `;
    return `${left}${notice.stopped}`;
  }
  if (done.length > 0) {
    const sessions = new Set(done.map((item) => item.sessionID)).size;
    const left =
      notice.remaining.length === 0 ? "" : ` ${plural(notice.remaining.length, "more problem")}: type /repair.`;
    return `${openedAgain(done, sessions)} Nothing was deleted. To undo: /repair undo.${left}`;
  }
  if (notice.remaining.length > 0) {
    const sessions = new Set(notice.remaining.map((finding) => finding.sessionID)).size;
    return `${plural(sessions, "session")} cannot be opened (${plural(notice.remaining.length, "damaged record")}). Type /repair to see and repair ${themOrIt(notice.remaining.length)}.`;
  }
  return notice.note ?? notice.warnings.join(" ");
}
