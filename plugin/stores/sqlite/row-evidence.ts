import { createHash } from "node:crypto";
import {
  type Artifact,
  type Evidence,
  isFileLocator,
  LARGEST_LOADED_BYTES,
  LONG_BYTES,
  type RowLocator,
  type RowValues,
} from "../../model/artifact.ts";
import { JsonScanner } from "../../records/json-scanner.ts";
import { wholeCell } from "./cell-pieces.ts";
import { byteLength, type Connection } from "./driver.ts";
import { captureRow, keyCondition, rowHash } from "./row.ts";
import { rowValuesReader, selectRowValuesOf } from "./row-values.ts";
import { quoted, type Schema, TABLES, type TableShape } from "./schema.ts";

/**
 * The length of the pieces in which a very large value is read. For each piece, SQLite loads the whole value, so the
 * pieces are large.
 */
const PIECE_BYTES = 16 * 1024 * 1024;

/** Reads single rows and values of a database again, with all facts that a diagnosis needs. */
export class RowEvidence {
  readonly #connection: Connection;
  readonly #schema: Schema;

  constructor(connection: Connection, schema: Schema) {
    this.#connection = connection;
    this.#schema = schema;
  }

  /** Reads one row or value again, with all facts for a diagnosis; `null` if it is gone. */
  examine(artifact: Artifact): Evidence | null {
    const { locator } = artifact;
    if (isFileLocator(locator)) return null;
    const table = Object.values(TABLES).find((each) => each.name === locator.table);
    if (table === undefined) return null;
    const row = table.hasRowValues ? this.#readRow(table, locator) : null;
    const common = {
      stray: null,
      ioError: null,
      mtimeMs: null,
      row,
      position: artifact.kind === "part" ? this.#positionOf(locator) : null,
      siblings: null,
      updatedMs: table.hasRowValues ? null : this.#updatedMs(locator),
      ...this.#owner(artifact, locator),
    };
    if (table.hasRowValues && locator.column === undefined) {
      const captured = captureRow(this.#connection, table.name, this.#schema.tables.get(table.name) ?? [], locator.key);
      if (row === null || captured === null) return null;
      return { ...common, storage: "row", size: 0, bytes: null, shape: null, sha256: rowHash(captured) };
    }
    const column = quoted(locator.column ?? "data");
    const condition = keyCondition(locator.key);
    const from = `from ${quoted(locator.table)} where ${condition.sql}`;
    const cell = this.#connection.all(
      `select typeof(${column}) as storage, ${byteLength(column)} as size,
         case when ${byteLength(column)} <= ${LONG_BYTES} then cast(${column} as blob) end as bytes ${from}`,
      ...condition.values,
    )[0];
    const storage = cell?.storage;
    if (cell === undefined || (storage !== "text" && storage !== "blob")) return null;
    const size = Number(cell.size);
    const place = { connection: this.#connection, column, from, values: condition.values };
    const isLong = size > LONG_BYTES && size <= LARGEST_LOADED_BYTES;
    const bytes = cell.bytes instanceof Uint8Array ? cell.bytes : isLong ? wholeCell(place, size) : null;
    return {
      ...common,
      storage,
      size: bytes?.length ?? size,
      bytes: size === 0 ? new Uint8Array() : bytes,
      ...(bytes === null && size > 0 ? this.#readInPieces(locator, size) : { shape: null, sha256: null }),
    };
  }

  /**
   * Decides how complete the JSON of a very large value is. SQLite's JSON parser runs first, because it is fast. That
   * parser refuses very deep nesting, which opencode accepts. So a value that the parser refuses is read byte by byte.
   */
  #readInPieces(locator: RowLocator, size: number): Pick<Evidence, "shape" | "sha256"> {
    const column = quoted(locator.column ?? "data");
    const { sql, values } = keyCondition(locator.key);
    const from = `from ${quoted(locator.table)} where ${sql}`;
    const quick = this.#connection.all(
      `select case when json_valid(${column}) and instr(cast(${column} as blob), x'00') = 0
         then json_type(${column}) end as type ${from}`,
      ...values,
    )[0]?.type;
    if (typeof quick === "string") {
      const topLevel = quick === "object" || quick === "array" ? quick : "scalar";
      return { shape: { shape: "complete", topLevel }, sha256: null };
    }
    const scanner = new JsonScanner();
    const hash = createHash("sha256");
    for (let start = 1; start <= size; start += PIECE_BYTES) {
      const piece = this.#connection.all(
        `select substr(cast(${column} as blob), ${start}, ${PIECE_BYTES}) as piece ${from}`,
        ...values,
      )[0]?.piece;
      if (!(piece instanceof Uint8Array)) continue;
      scanner.push(piece);
      hash.update(piece);
    }
    return { shape: scanner.end(), sha256: hash.digest("hex") };
  }

  /**
   * The session that loads a record, if there is one. opencode finds parts through their message, and messages through
   * their session.
   */
  #owner(artifact: Artifact, locator: RowLocator): Pick<Evidence, "reachable" | "sessionID"> {
    const key = Object.values(locator.key);
    switch (artifact.kind) {
      case "part": {
        const owner = this.#connection.all(
          `select session.id as id from part join message on message.id = part.message_id
             join session on session.id = message.session_id where part.id = ?`,
          ...key,
        )[0];
        return owner === undefined
          ? { reachable: false, sessionID: artifact.sessionID }
          : { reachable: true, sessionID: String(owner.id) };
      }
      case "message": {
        const owner = this.#connection.all(
          "select session.id as id from message join session on session.id = message.session_id where message.id = ?",
          ...key,
        )[0];
        return { reachable: owner !== undefined, sessionID: artifact.sessionID };
      }
      default:
        return { reachable: true, sessionID: artifact.sessionID };
    }
  }

  #readRow(table: TableShape, locator: RowLocator): RowValues | null {
    const condition = keyCondition(locator.key);
    const row = this.#connection.all(
      `select ${selectRowValuesOf(this.#schema, table).join(", ")} from ${quoted(table.name)} where ${condition.sql}`,
      ...condition.values,
    )[0];
    return row === undefined ? null : rowValuesReader(this.#schema, table)(row);
  }

  #updatedMs(locator: RowLocator): number | null {
    const condition = keyCondition(locator.key);
    const row = this.#connection.all(
      `select cast(time_updated as real) as updated from ${quoted(locator.table)} where ${condition.sql}`,
      ...condition.values,
    )[0];
    return typeof row?.updated === "number" ? row.updated : null;
  }

  #positionOf(locator: RowLocator): number | null {
    const [id = ""] = Object.values(locator.key);
    const before = this.#connection.all(
      `select count(*) as before from part where id < ? and message_id = (select message_id from part where id = ?)`,
      id,
      id,
    )[0]?.before;
    return typeof before === "number" ? before : null;
  }
}
