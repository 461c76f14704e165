import type { CellValue, RowValues } from "./artifact.ts";

/** Size and SHA-256 (lower-case hex) of exact bytes. */
export interface ContentHash {
  readonly bytes: number;
  readonly sha256: string;
}

/** What replaces a record. */
export interface Replacement {
  /** The source of the replacement, in plain words without content or user paths: `event 42 of this session`. */
  readonly source: string;
  readonly content: /** A whole file. */
    | { readonly bytes: Uint8Array }
    /** Columns of a row. If the row does not exist yet, these are all of its columns. */
    | { readonly cells: ReadonlyMap<string, CellValue> }
    /** The document in which only these values are changed. */
    | { readonly fields: readonly FieldChange[] }
    /** A missing session with all its children. These rows are added and removed together, parents first. */
    | { readonly rows: readonly NewRow[] }
    /** A table of the host's own that is incomplete. */
    | { readonly table: TableChange };
  /** The changes in words for a plan: no content, no paths. */
  readonly changes?: readonly ShownChange[];
}

/** One value of a document that is added, changed or removed. Both values are JSON; absent: there is no value. */
export interface FieldChange {
  /** The path from the top of the document: `["state", "title"]`. */
  readonly path: readonly (string | number)[];
  readonly from?: unknown;
  readonly to?: unknown;
}

/** One changed value, as a user reads it. */
export interface ShownChange {
  /** The path, written as `state.time.start`. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Completes a table of the host's own. Missing rows are added, or the whole table if it is gone, or is empty with
 * another layout.
 */
export interface TableChange {
  readonly table: string;
  /** The statement that creates the table; `null` if the table exists and is kept. */
  readonly statement: string | null;
  /** Rows to add, without rowids. */
  readonly rows: readonly RowValues[];
  /** The digest of the table at the time of the decision; `absent` if there was no table. */
  readonly before: string;
}

/** One row to add, with every known value. */
export interface NewRow {
  readonly table: "project" | "session" | "message" | "part" | "todo" | "session_share";
  readonly key: Readonly<Record<string, string>>;
  readonly values: RowValues;
}
