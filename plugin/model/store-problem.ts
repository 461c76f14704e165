import type { Severity } from "./finding.ts";

/**
 * The codes of problems that may prevent a store from being read. The catalogue has an entry for each of these codes
 * (faults/store-faults.ts).
 */
export type StoreProblemCode =
  | "database-empty"
  | "database-malformed"
  | "database-unavailable"
  | "no-sqlite-runtime"
  | "not-a-database"
  | "header-damaged"
  | "wal-without-database"
  | "tables-missing"
  | "schema-newer"
  | "opencode-2"
  | "other-program"
  | "malformed-not-salvageable"
  | "access-denied"
  | "database-is-folder"
  | "no-room-for-copy";

/**
 * The reason why a store, or a part of the store that belongs to another opencode, is not read. No repair fixes this.
 */
export interface StoreProblem {
  readonly code: StoreProblemCode;
  readonly severity: Severity;
  /** Sizes, offsets and names, never content of the store. */
  readonly evidence: string;
}
