import type { RowValues } from "./artifact.ts";

/** One value of a row that opencode parses as JSON. A value that is NULL is absent from the row. */
export interface StoredValue {
  /** A value that is neither text nor BLOB is a number. opencode's parser gets its digits. */
  readonly storage: "text" | "blob" | "number";
  readonly size: number;
  /** `null` if the value is too large for memory (`LARGEST_LOADED_BYTES`). */
  readonly bytes: Buffer | null;
}

/** A row of a table that opencode 2.x reads: its JSON columns and its other columns. */
export interface RowOf2x {
  readonly values: RowValues;
  readonly json: ReadonlyMap<string, StoredValue>;
}
