import { randomBytes } from "node:crypto";
import { longValue } from "../../records/brief-document.ts";
import type { LongDocument } from "../conversation.ts";
import { cellPieces, readBrief } from "./cell-pieces.ts";
import type { Connection } from "./driver.ts";
import { quoted } from "./schema.ts";

/** Nobody can guess 56 bits, so no stored text ends with the mark of a cut. */
const MARK_BYTES = 7;

/** The document of a message or part, read in pieces; `null` if it is no JSON or must be read as a whole. */
export function longDocument(connection: Connection, table: string, id: string, bytes: number): LongDocument | null {
  const from = `from ${quoted(table)} where id = ?`;
  const mark = randomBytes(MARK_BYTES).toString("base64url");
  const brief = readBrief(connection, "data", from, [id], bytes, mark);
  const read = (start: number, end: number) => cellPieces(connection, "data", from, [id], [start, end]);
  return brief === null ? null : longValue(brief, mark, read);
}
