import type { ConfirmedFinding } from "../model/finding.ts";
import type { StoreDescription } from "../model/store-description.ts";

type Said = Pick<ConfirmedFinding, "code" | "severity" | "evidence">;

/** A finding about a database as a whole. */
export function databaseFinding(
  { code, severity, evidence }: Said,
  description: StoreDescription,
  store: number,
): ConfirmedFinding {
  return {
    code,
    severity,
    sessionID: null,
    kind: "database",
    recordID: null,
    locator: { path: databaseName(description) },
    remedy: "report",
    evidence,
    store,
    writtenMs: null,
    seen: null,
    replacement: null,
  };
}

/** The file name of a database, without the path of its folder. */
function databaseName(description: StoreDescription): string {
  return (description.database ?? "").replace(/^.*[\\/]/, "");
}
