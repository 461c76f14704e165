import type { RowValues } from "./artifact.ts";

/** One value of a row that opencode parses as JSON. For NULL there is no such value. */
export interface StoredValue {
  /**
   * The storage class of the value. A value that is neither text nor BLOB is a number, and opencode parses its digits.
   */
  readonly storage: "text" | "blob" | "number";
  readonly size: number;
  /** The bytes of the value; `null` if the value is too large for memory (`LARGEST_LOADED_BYTES`). */
  readonly bytes: Buffer | null;
}

/** A row of a table that opencode 2.x reads: its JSON columns and its other columns. */
export interface RowOf2x {
  readonly values: RowValues;
  readonly json: ReadonlyMap<string, StoredValue>;
}
