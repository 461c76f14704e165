import { CONTINUED_IN_1X, LOSSES_IN_2X, NOT_IN_2X } from "../faults/upgrade.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Store } from "../stores/store.ts";
import { missingIn2x } from "../upgrade/missing.ts";
import type { MissingIn2x } from "../upgrade/twins.ts";
import { amount } from "../words/amounts.ts";

const FAULT = {
  "never-arrived": NOT_IN_2X,
  "arrived-with-losses": LOSSES_IN_2X,
  continued: CONTINUED_IN_1X,
} as const;

/**
 * Warnings about sessions and messages that opencode 2.x did not take over when it upgraded the database. These records
 * are only in the tables of 1.x.
 */
export function missingIn2xFindings(
  store: Store,
  storeIndex: number,
  sessionIDs: readonly string[],
  signal?: AbortSignal,
): ConfirmedFinding[] {
  const database = store.asDatabase;
  const missing = database === null ? null : missingIn2x(database, sessionIDs, signal);
  return (missing ?? []).map((each) => findingOf(each, storeIndex));
}

function findingOf({ cause, sessionID, why, messages, parts }: MissingIn2x, store: number): ConfirmedFinding {
  const { code } = FAULT[cause];
  return {
    ...{ code, severity: "warning", sessionID, kind: "session", recordID: sessionID, remedy: "report" },
    locator: { table: "session", key: { id: sessionID } },
    evidence: `${amount(messages, "message")}, ${amount(parts, "part")}; ${why}`,
    ...{ store, writtenMs: null, seen: null, replacement: null },
  };
}
