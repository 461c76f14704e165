import { type BriefDocument, briefDocument } from "../../records/brief-document.ts";
import type { Connection, SqlValue } from "./driver.ts";

/** SQLite holds the whole value in memory for every piece, so the pieces are large. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** The bytes from `start` to `end` (offsets from 0) of a long value, in pieces. `column` is SQL, `from` selects one row. */
export function* cellPieces(
  connection: Connection,
  column: string,
  from: string,
  values: readonly SqlValue[],
  [start, end]: readonly [start: number, end: number],
): Iterable<Uint8Array> {
  const sql = `select substr(cast(${column} as blob), ?, ?) as piece ${from}`;
  for (let at = start; at < end; at += PIECE_BYTES) {
    // SQLite counts from 1.
    const piece = connection.all(sql, at + 1, Math.min(PIECE_BYTES, end - at), ...values)[0]?.piece;
    if (piece instanceof Uint8Array) yield piece;
  }
}

/** The brief document of a long value of class TEXT; `null` if it is of another class or must be read as a whole. */
export function readBrief(
  connection: Connection,
  column: string,
  from: string,
  values: readonly SqlValue[],
  bytes: number,
  mark?: string,
): BriefDocument | null {
  const [cell] = connection.all(`select typeof(${column}) as storage ${from}`, ...values);
  if (cell?.storage !== "text") return null;
  return briefDocument(cellPieces(connection, column, from, values, [0, bytes]), mark);
}

/** {@link readBrief} in the form that a scan needs. `at` is the row's id. */
export function readLong(
  connection: Connection,
  column: string,
  from: string,
  at: string,
  bytes: number,
): string | null {
  return readBrief(connection, column, from, [at], bytes)?.text ?? null;
}
