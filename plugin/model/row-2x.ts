import type { RowValues } from "./artifact.ts";

/** One value of a row that opencode parses as JSON; absent from a row where it is NULL. */
export interface StoredValue {
  /** What is neither text nor BLOB is a number: opencode's parser gets its digits. */
  readonly storage: "text" | "blob" | "number";
  readonly size: number;
  /** `null` where it is too large to be held (`LARGEST_LOADED_BYTES`). */
  readonly bytes: Buffer | null;
}

/** A row of a table that opencode 2.x reads: the columns that are JSON, and the others. */
export interface RowOf2x {
  readonly values: RowValues;
  readonly json: ReadonlyMap<string, StoredValue>;
}
