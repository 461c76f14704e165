import { type CellValue, isFileLocator } from "../../model/artifact.ts";
import type { ManifestItem } from "../../model/manifest-item.ts";
import { sha256 } from "../../platform/hash.ts";
import type { Operation } from "../writer.ts";
import type { Connection } from "./driver.ts";
import { bindCell, type CapturedRow, captureRow, releaseRow, rowHash } from "./row.ts";
import { type JsonColumn, quoted, type Schema } from "./schema.ts";

export type Table = JsonColumn["table"];

export interface RowPlace {
  readonly table: Table;
  readonly key: { readonly id: string };
  /** The column whose value was checked; `null` if the row without its JSON columns was checked. */
  readonly column: string | null;
  /**
   * What the column holds after its value alone was quarantined. `undefined` means that the value is never removed
   * without a replacement.
   */
  readonly whenSetAside: JsonColumn["whenSetAside"] | undefined;
}

export type Cells = ReadonlyMap<string, CellValue>;

/** Reads the present rows of a database, in the tables that this tool writes to. */
export class LiveRows {
  readonly connection: Connection;
  readonly schema: Schema;

  constructor(connection: Connection, schema: Schema) {
    this.connection = connection;
    this.schema = schema;
  }

  /** The cells of a new row, without those for which the table has no column in this version. */
  inTable(table: Table, cells: Cells): Cells {
    const columns = this.schema.tables.get(table) ?? [];
    return new Map([...cells].filter(([name]) => columns.includes(name)));
  }

  /** The whole row at a place; `null` if there is no such row. */
  capture(place: RowPlace): CapturedRow | null {
    return captureRow(this.connection, place.table, this.schema.tables.get(place.table) ?? [], place.key);
  }

  /** The ids of a message's parts. */
  partsOf(messageID: string): string[] {
    return this.connection
      .all("select id from part where message_id = ? order by id", messageID)
      .map((row) => String(row.id));
  }

  /** Whether the row (or the single value) in the database is still the record that the manifest item describes. */
  isLive(item: ManifestItem, place: RowPlace): boolean {
    const row = this.capture(place);
    if (item.original === null) return row === null;
    if (row === null) return false;
    const cell = place.column === null || place.whenSetAside === "row" ? null : row.cells.get(place.column);
    const storage = item.original.row?.columns[place.column ?? ""]?.storage;
    const isSame =
      cell === null
        ? rowHash(row) === item.original.row?.sha256
        : cell !== undefined &&
          "bytes" in cell &&
          cell.storage === storage &&
          sha256(cell.bytes) === item.original.sha256;
    releaseRow(row);
    return isSame;
  }

  /** Whether no row has the key that a changed row will get. */
  isFree({ replacement }: ManifestItem, place: RowPlace): boolean {
    return replacement?.key === undefined || this.capture({ ...place, key: replacement.key }) === null;
  }

  /** Whether the parent record of a row exists in the database. */
  hasParent(row: CapturedRow): boolean {
    const parent = this.#parentOf(row.table);
    if (parent === undefined) return true;
    const cell = row.cells.get(parent.column);
    if (cell === undefined || !("bytes" in cell)) return false;
    const id = Buffer.from(cell.bytes).toString("utf8");
    return this.connection.all(`select 1 from "${parent.table}" where id = ?`, id).length > 0;
  }

  /**
   * The parent of a message in `session_message` is in `session_v2`. In a database of the 2.x preview, it is in
   * `session`.
   */
  #parentOf(table: string): Parent | undefined {
    if (table !== "session_message") return PARENTS[table];
    return { table: this.schema.tables.has("session_v2") ? "session_v2" : "session", column: "session_id" };
  }

  /** Whether no other message of the same 2.x session has the number (`seq`) of this message. */
  hasOwnSequence({ table, cells }: CapturedRow): boolean {
    const [session, seq] = [cells.get("session_id"), cells.get("seq")];
    if (table !== "session_message" || session === undefined || seq === undefined) return true;
    const [first, second] = [bindCell(session), bindCell(seq)];
    const sql = `select 1 from session_message where session_id = ${first.placeholder} and seq = ${second.placeholder}`;
    return this.connection.all(sql, first.value, second.value).length === 0;
  }

  /** Whether rows of other tables name this row. Then this row cannot get another id. */
  hasChildren({ table, key }: RowPlace): boolean {
    const naming = [...this.schema.tables].filter(([, columns]) => columns.includes(`${table}_id`));
    return naming.some(([name]) => {
      const sql = `select 1 from ${quoted(name)} where ${quoted(`${table}_id`)} = ? limit 1`;
      return this.connection.all(sql, key.id).length > 0;
    });
  }

  /**
   * The row and column of a locator in this database; `null` for a table or column that this tool does not write to.
   */
  placeOf(locator: Operation["locator"] | ManifestItem["locator"]): RowPlace | null {
    if (isFileLocator(locator)) return null;
    const id = locator.key.id;
    if (id === undefined) return null;
    const isOneDocument = ["message", "part", "session_message"].includes(locator.table);
    const column = locator.column ?? (isOneDocument ? "data" : null);
    const known = this.schema.jsonColumns.find(
      (each) => each.table === locator.table && (column === null || each.column === column),
    );
    if (known === undefined) return null;
    return { table: known.table, key: { id }, column, whenSetAside: column === null ? undefined : known.whenSetAside };
  }
}

interface Parent {
  readonly table: Table;
  readonly column: string;
}

const PARENTS: Readonly<Record<string, Parent>> = {
  session: { table: "project", column: "project_id" },
  message: { table: "session", column: "session_id" },
  part: { table: "message", column: "message_id" },
};

/** Whether these cells give the row another parent. */
export function isMoved({ table, cells }: CapturedRow): boolean {
  const parent = PARENTS[table];
  return parent !== undefined && cells.has(parent.column);
}
