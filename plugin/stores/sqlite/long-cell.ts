import { randomBytes } from "node:crypto";
import { sha256 } from "../../platform/hash.ts";
import { release } from "../../platform/memory.ts";
import { type LongDocument, longDocument } from "../../records/long-document.ts";
import { type Cell, cellPiece, PIECE_BYTES, readBrief } from "./cell-pieces.ts";
import type { Connection } from "./driver.ts";
import { quoted } from "./schema.ts";

/** Nobody can guess 56 bits, so no stored text contains the mark of a cut. */
const MARK_BYTES = 7;

/** The document of a message or part, read in pieces; `null` if it is not JSON or must be read as a whole. */
export function longCell(connection: Connection, table: string, id: string, bytes: number): LongDocument | null {
  const cell: Cell = { connection, column: "data", from: `from ${quoted(table)} where id = ?`, values: [id] };
  const mark = randomBytes(MARK_BYTES).toString("base64url");
  const hashes: string[] = [];
  const brief = readBrief(cell, bytes, { mark, onPiece: (piece) => hashes.push(sha256(piece)) });
  return brief === null ? null : longDocument(brief, mark, (start, end) => samePieces(cell, hashes, start, end));
}

/**
 * The bytes from `start` to `end` (offsets from 0) of a value that was read before. `hashes` are those of its pieces. If a
 * piece is no longer the same, `null` stands for it and for all that follows.
 */
function* samePieces(cell: Cell, hashes: readonly string[], start: number, end: number): Iterable<Uint8Array | null> {
  for (let index = Math.floor(start / PIECE_BYTES); index * PIECE_BYTES < end; index += 1) {
    const piece = cellPiece(cell, index);
    if (piece === null || sha256(piece) !== hashes[index]) {
      yield null;
      return;
    }
    const at = index * PIECE_BYTES;
    yield piece.subarray(Math.max(0, start - at), end - at);
    release(piece);
  }
}
