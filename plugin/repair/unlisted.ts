import { STRAY_FILE } from "../faults/stray-files.ts";
import { isFileLocator } from "../model/artifact.ts";
import { copiedRecordID } from "../records/copied-name.ts";
import { plural } from "../words/amounts.ts";
import type { Plan } from "./plan.ts";
import type { ReportedItem } from "./reported-item.ts";

/**
 * Sessions that opencode no longer lists, because their whole record is in quarantine. This happens only with JSON
 * files. A copy of a record is left out, because opencode still lists the session from the record itself.
 */
export function unlistedBy(plan: Plan, items: readonly ReportedItem[]): string[] {
  const left = new Set(items.filter(({ action }) => action === "quarantined").map(({ recordID }) => recordID));
  const records = plan.flatMap(({ operations }) => operations);
  return records.flatMap(({ kind, recordID, locator, code }) => {
    if (kind !== "session" || !isFileLocator(locator) || recordID === null || !left.has(recordID)) return [];
    return code === STRAY_FILE.code || copiedRecordID(recordID) !== null ? [] : [recordID];
  });
}

/** A sentence for the user about sessions that opencode no longer lists. */
export function unlistedLine(sessions: readonly string[]): string {
  return `opencode no longer lists ${plural(sessions.length, "session")}, because no part of the session's record was usable. Messages stay where they are.`;
}
