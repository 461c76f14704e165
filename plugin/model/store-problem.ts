import type { Severity } from "./finding.ts";

/** What may keep a store from being read. The catalogue has an entry under each of these names (faults/store-faults.ts). */
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

/** Why a store, or the part of it that is of another opencode, is not read. No repair does anything about it. */
export interface StoreProblem {
  readonly code: StoreProblemCode;
  readonly severity: Severity;
  /** Sizes, offsets and names, never content. */
  readonly evidence: string;
}
