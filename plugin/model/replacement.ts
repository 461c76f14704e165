import type { CellValue, RowValues } from "./artifact.ts";

/** Size and SHA-256 (lower-case hex) of exact bytes. */
export interface ContentHash {
  readonly bytes: number;
  readonly sha256: string;
}

/** The new content of a record, and where that content comes from. */
export interface Replacement {
  /** Where the new content comes from, in plain words without content or user paths: `event 42 of this session`. */
  readonly source: string;
  readonly content: /** A whole file. */
    | { readonly bytes: Uint8Array }
    /** Columns of a row. If the row does not exist yet, these are all of its columns. */
    | { readonly cells: ReadonlyMap<string, CellValue> }
    /** The present document, in which only these values are changed. */
    | { readonly fields: readonly FieldChange[] }
    /**
     * A missing session with all its records. These rows are added together, parents before children, and removed
     * together.
     */
    | { readonly rows: readonly NewRow[] }
    /** A table that opencode uses for itself (such as its journal of migrations) and that is incomplete. */
    | { readonly table: TableChange };
  /** The changes in words, for the plan that a user confirms: no content and no paths. */
  readonly changes?: readonly ShownChange[];
}

/**
 * One value of a document that is added, changed or removed. Both values are JSON. An absent `from` or `to` means that
 * there is no such value.
 */
export interface FieldChange {
  /** The path from the top of the document: `["state", "title"]`. */
  readonly path: readonly (string | number)[];
  readonly from?: unknown;
  readonly to?: unknown;
}

/** One changed value in the form in which a user reads it. */
export interface ShownChange {
  /** The path as text: `state.time.start`. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Completes a table that opencode uses for itself. Only missing rows are added if the table exists. The whole table is
 * created if it is gone, or if it is empty and has another layout.
 */
export interface TableChange {
  readonly table: string;
  /** The statement that creates the table; `null` if the table exists and is kept. */
  readonly statement: string | null;
  /** The rows to add. SQLite chooses their rowids. */
  readonly rows: readonly RowValues[];
  /** Numbers to correct in rows that exist. Absent if there are none. */
  readonly corrected?: CorrectedNumbers;
  /**
   * A digest of the table when the repair was planned, so that a later change is noticed; `absent` if there was no
   * table.
   */
  readonly before: string;
}

/** Numbers of one column. Each row is found by the text in the column `key`. */
export interface CorrectedNumbers {
  readonly key: string;
  readonly column: string;
  readonly values: readonly { readonly id: string; readonly from: number; readonly to: number }[];
}

/** One row to add to the database, with every known value. */
export interface NewRow {
  readonly table: "project" | "session" | "message" | "part" | "todo" | "session_share";
  readonly key: Readonly<Record<string, string>>;
  readonly values: RowValues;
}
