import { collectGarbage, keepHeapSmall, release } from "../../platform/memory.ts";
import { type BriefDocument, briefDocument } from "../../records/brief-document.ts";
import { byteLength, type Connection, type SqlValue } from "./driver.ts";

/** SQLite holds the whole value in memory for every piece, so the pieces are large. */
export const PIECE_BYTES = 4 * 1024 * 1024;

/** Before SQLite loads a value of this size, memory is made free for it. */
const COLLECTED_FROM_BYTES = 8 * 1024 * 1024;

/** One value of one row. `column` and `from` are SQL; `from` and its `values` select the row. */
export interface Cell {
  readonly connection: Connection;
  readonly column: string;
  readonly from: string;
  readonly values: readonly SqlValue[];
}

/** The piece of a long value with this number, counted from 0. `null` if the value has no such piece. */
export function cellPiece({ connection, column, from, values }: Cell, index: number): Uint8Array | null {
  const sql = `select substr(cast(${column} as blob), ?, ?) as piece ${from}`;
  // SQLite counts from 1.
  const piece = connection.all(sql, index * PIECE_BYTES + 1, PIECE_BYTES, ...values)[0]?.piece;
  return piece instanceof Uint8Array && piece.length > 0 ? piece : null;
}

/**
 * The bytes of a text or BLOB of this size. SQLite and the runtime would together need three times the size of a long value
 * if it were read at once. Shorter than `bytes` if the value was changed.
 */
export function wholeCell(cell: Cell, bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  const end = inOneRead(cell.connection, () => {
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      const piece = cellPiece(cell, at / PIECE_BYTES);
      if (piece === null || piece.length > bytes - at) return at;
      whole.set(piece, at);
      release(piece);
    }
    return bytes;
  });
  return whole.subarray(0, end);
}

/** Reads in one transaction: in that of the caller if there is one, else in a new one. */
export function inOneRead<T>(connection: Connection, read: () => T): T {
  let isOwn = true;
  try {
    connection.exec("begin");
  } catch {
    // Either there is a transaction, or the first read fails with the same error.
    isOwn = false;
  }
  try {
    return read();
  } finally {
    if (isOwn) endReading(connection);
  }
}

/** What the caller of {@link readBrief} needs besides the brief document. */
interface BriefReading {
  /** The mark of each cut. */
  readonly mark: string;
  onPiece(piece: Uint8Array): void;
}

/**
 * The brief document of a long value of class TEXT. `null` if the value must be read as a whole, or no longer has this
 * many bytes. All pieces are read in one transaction, so that they belong to one text even if opencode writes meanwhile.
 */
export function readBrief(cell: Cell, bytes: number, reading?: BriefReading): BriefDocument | null {
  const { connection, column, from, values } = cell;
  function* pieces(): Iterable<Uint8Array> {
    for (let index = 0; index * PIECE_BYTES < bytes; index += 1) {
      const piece = cellPiece(cell, index);
      if (piece === null) return;
      reading?.onPiece(piece);
      yield piece;
      release(piece);
    }
  }
  keepHeapSmall();
  if (bytes >= COLLECTED_FROM_BYTES) collectGarbage();
  // A transaction that only reads does not block opencode: a database that opencode has open is in WAL mode.
  connection.exec("begin");
  try {
    const sql = `select typeof(${column}) as storage, ${byteLength(column)} as size ${from}`;
    const [found] = connection.all(sql, ...values);
    if (found?.storage !== "text" || Number(found.size) !== bytes) return null;
    return briefDocument(pieces(), reading?.mark);
  } finally {
    endReading(connection);
  }
}

/** After a failed read, SQLite may have ended the transaction already. The error of that read must not be replaced. */
function endReading(connection: Connection): void {
  try {
    connection.exec("rollback");
  } catch {
    // No transaction is open, or the connection fails for every statement. The caller gets the error of the read.
  }
}

/** The text of the brief document ({@link readBrief}), for a scan. */
export function readLong(cell: Cell, bytes: number): string | null {
  return readBrief(cell, bytes)?.text ?? null;
}
