import { isFileLocator } from "../model/artifact.ts";
import type { ReportedItem } from "./apply.ts";
import type { Plan } from "./plan.ts";
import { plural } from "./words.ts";

/** Sessions whose record is in quarantine as a whole, and that opencode therefore lists no more. Only files leave so. */
export function unlistedBy(plan: Plan, items: readonly ReportedItem[]): string[] {
  const left = new Set(items.filter(({ action }) => action === "quarantined").map(({ recordID }) => recordID));
  const records = plan.flatMap(({ operations }) => operations);
  return records.flatMap(({ kind, recordID, locator }) =>
    kind === "session" && isFileLocator(locator) && recordID !== null && left.has(recordID) ? [recordID] : [],
  );
}

/** What is said of them, in a line. */
export function unlistedLine(sessions: readonly string[]): string {
  return `opencode no longer lists ${plural(sessions.length, "session")}: nothing of the record could be used. Messages stay where they are.`;
}
