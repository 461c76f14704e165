import type { CellValue, RowValues } from "./artifact.ts";

/** Size and SHA-256 (lower-case hex) of exact bytes. */
export interface ContentHash {
  readonly bytes: number;
  readonly sha256: string;
}

/** What takes the place of an artifact. */
export interface Replacement {
  /** Where it is from, in plain words without content or user paths: `event 42 of this session`. */
  readonly source: string;
  readonly content: /** A whole file. */
    | { readonly bytes: Uint8Array }
    /** Columns of a row; every one of them where no row stands there yet. */
    | { readonly cells: ReadonlyMap<string, CellValue> }
    /** The document as it is, but for these values. */
    | { readonly fields: readonly FieldChange[] }
    /** A session that is not there, with all its children: rows that come and go together, parents first. */
    | { readonly rows: readonly NewRow[] }
    /** A table of the host's own that is incomplete. */
    | { readonly table: TableChange };
  /** What changes, in words for a plan: no content, no paths. */
  readonly changes?: readonly ShownChange[];
}

/** One value of a document that is filled in, changed or left out. Both values are JSON; absent: there is none. */
export interface FieldChange {
  /** From the document's top: `["state", "title"]`. */
  readonly path: readonly (string | number)[];
  readonly from?: unknown;
  readonly to?: unknown;
}

/** One value that changes, as a user reads it. */
export interface ShownChange {
  /** Written as `state.time.start`. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/**
 * A table of the host's own that gets back what the host expects of it: rows that it lacks, or where it is gone or empty
 * and laid out in another way the whole table.
 */
export interface TableChange {
  readonly table: string;
  /** What makes it; `null`: it is there, and stays. */
  readonly statement: string | null;
  /** Rows to be added, without a number of their own. */
  readonly rows: readonly RowValues[];
  /** Digest of the table when that was decided; `absent` where there was none. */
  readonly before: string;
}

/** One row to be added: every value that is known of it. */
export interface NewRow {
  readonly table: "project" | "session" | "message" | "part" | "todo" | "session_share";
  readonly key: Readonly<Record<string, string>>;
  readonly values: RowValues;
}
