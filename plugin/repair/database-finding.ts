import type { Diagnosis } from "../faults/fault.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { StoreDescription } from "../model/store-description.ts";

/** What is wrong with, or to be said of, a database as a whole. */
export function databaseFinding(diagnosis: Diagnosis, description: StoreDescription, store: number): ConfirmedFinding {
  return {
    code: diagnosis.fault.code,
    severity: diagnosis.severity,
    sessionID: null,
    kind: "database",
    recordID: null,
    locator: { path: databaseName(description) },
    remedy: diagnosis.remedy,
    evidence: diagnosis.evidence,
    store,
    writtenMs: null,
    seen: null,
    replacement: null,
  };
}

/** The database's name without the folders that lead to it. */
function databaseName(description: StoreDescription): string {
  return (description.database ?? "").replace(/^.*[\\/]/, "");
}
