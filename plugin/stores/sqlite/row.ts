import { createHash } from "node:crypto";
import { type CellValue, LONG_BYTES } from "../../model/artifact.ts";
import { release } from "../../platform/memory.ts";
import { inOneRead, wholeCell } from "./cell-pieces.ts";
import { byteLength, type Connection, type SqlValue } from "./driver.ts";
import { quoted } from "./schema.ts";

/** A whole row, exactly as it is in the database. */
export interface CapturedRow {
  readonly table: string;
  readonly rowID: string | null;
  readonly cells: ReadonlyMap<string, CellValue>;
}

/**
 * The SQL condition that selects one row by its key. The values of the key are bound as parameters, and are never part
 * of the SQL.
 */
export function keyCondition(key: Readonly<Record<string, string>>): { sql: string; values: string[] } {
  const names = Object.keys(key);
  return { sql: names.map((name) => `${quoted(name)} = ?`).join(" and "), values: Object.values(key) };
}

const ROWID = "__captured_rowid";
const STORAGE_PREFIX = "__storage_of_";

/**
 * Remembers which tables have row ids. Tables do not change while a connection is open, and without this cache the
 * schema would be read for every row.
 */
const withRowID = new WeakMap<Connection, Map<string, boolean>>();

function hasRowID(connection: Connection, table: string): boolean {
  const known = withRowID.get(connection) ?? new Map<string, boolean>();
  withRowID.set(connection, known);
  const answer = known.get(table) ?? askForRowID(connection, table);
  known.set(table, answer);
  return answer;
}

function askForRowID(connection: Connection, table: string): boolean {
  const tables = connection.all("select wr from pragma_table_list where schema = 'main' and name = ?", table);
  return Number(tables[0]?.wr) === 0;
}

function cellOf(storage: SqlValue | undefined, value: SqlValue | undefined): CellValue {
  switch (storage) {
    case "integer":
    case "real":
      return { storage, number: String(value) };
    case "text":
    case "blob":
      return { storage, bytes: value instanceof Uint8Array ? value : new Uint8Array() };
    default:
      return { storage: "null" };
  }
}

/** Reads a row exactly: every column of the table, with its storage class. `null` if there is no such row. */
export function captureRow(
  connection: Connection,
  table: string,
  columns: readonly string[],
  key: Readonly<Record<string, string>>,
): CapturedRow | null {
  const rowID = hasRowID(connection, table);
  const selected = columns.map((column) => {
    const name = quoted(column);
    return `typeof(${name}) as ${quoted(STORAGE_PREFIX + column)}, case typeof(${name})
      when 'integer' then cast(${name} as text) when 'real' then ${name} when 'null' then null
      else case when ${byteLength(name)} > ${LONG_BYTES} then ${byteLength(name)} else cast(${name} as blob) end
      end as ${name}`;
  });
  if (rowID) selected.push(`cast(rowid as text) as ${ROWID}`);
  const condition = keyCondition(key);
  const from = `from ${quoted(table)} where ${condition.sql} limit 1`;
  return inOneRead(connection, () => {
    const row = connection.all(`select ${selected.join(", ")} ${from}`, ...condition.values)[0];
    if (row === undefined) return null;
    const cells = new Map(
      columns.map((column) => {
        const [storage, value] = [row[STORAGE_PREFIX + column], row[column]];
        const isLong = (storage === "text" || storage === "blob") && typeof value === "number";
        const cell = { connection, column: quoted(column), from, values: condition.values };
        return [column, cellOf(storage, isLong ? wholeCell(cell, value) : value)];
      }),
    );
    return { table, rowID: rowID ? String(row[ROWID]) : null, cells };
  });
}

/**
 * The SHA-256 of the name, storage class and bytes of every column. Two rows have the same hash only if all their bytes
 * are equal.
 */
export function rowHash(row: CapturedRow): string {
  const hash = createHash("sha256");
  for (const [name, cell] of row.cells) {
    hash.update(`${JSON.stringify(name)} ${cell.storage} `);
    if ("number" in cell) hash.update(`${cell.number.length} ${cell.number}`);
    else if ("bytes" in cell) hash.update(`${cell.bytes.length} `).update(cell.bytes);
    hash.update("\n");
  }
  return hash.digest("hex");
}

/** Frees the long values of a row, whose bytes nobody may use afterwards. */
export function releaseRow({ cells }: CapturedRow): void {
  for (const cell of cells.values()) if ("bytes" in cell && cell.bytes.length > LONG_BYTES) release(cell.bytes);
}

/** The SQL placeholder and the value that store a cell with its exact bytes and storage class. */
export function bindCell(cell: CellValue): { placeholder: string; value: SqlValue } {
  switch (cell.storage) {
    case "null":
      return { placeholder: "?", value: null };
    case "integer":
      return { placeholder: "cast(? as integer)", value: cell.number };
    case "real":
      return { placeholder: "?", value: Number(cell.number) };
    // Runtimes bind an empty byte array as NULL. So an empty string is bound instead, and the cast gives it the storage
    // class.
    case "text":
      return { placeholder: "cast(? as text)", value: cell.bytes.length === 0 ? "" : cell.bytes };
    case "blob":
      return { placeholder: "cast(? as blob)", value: cell.bytes.length === 0 ? "" : cell.bytes };
  }
}

/** Inserts a captured row exactly as it was, with its old row id if that is free. */
export function insertRow(connection: Connection, row: CapturedRow): void {
  const names = [...row.cells.keys()].map(quoted);
  const cells = [...row.cells.values()].map(bindCell);
  if (row.rowID !== null && rowIDIsFree(connection, row.table, row.rowID)) {
    names.push("rowid");
    cells.push({ placeholder: "cast(? as integer)", value: row.rowID });
  }
  connection.run(
    `insert into ${quoted(row.table)} (${names.join(", ")}) values (${cells.map((cell) => cell.placeholder).join(", ")})`,
    ...cells.map((cell) => cell.value),
  );
}

function rowIDIsFree(connection: Connection, table: string, rowID: string): boolean {
  return connection.all(`select 1 from ${quoted(table)} where rowid = cast(? as integer)`, rowID).length === 0;
}

/** Sets columns of one row to exact values. Returns the number of changed rows. */
export function updateCells(
  connection: Connection,
  table: string,
  key: Readonly<Record<string, string>>,
  cells: ReadonlyMap<string, CellValue>,
): number {
  const bound = [...cells.values()].map(bindCell);
  const assignments = [...cells.keys()].map((name, index) => `${quoted(name)} = ${bound[index]?.placeholder}`);
  const condition = keyCondition(key);
  return connection.run(
    `update ${quoted(table)} set ${assignments.join(", ")} where ${condition.sql}`,
    ...bound.map((each) => each.value),
    ...condition.values,
  );
}

export function deleteRow(connection: Connection, table: string, key: Readonly<Record<string, string>>): number {
  const condition = keyCondition(key);
  return connection.run(`delete from ${quoted(table)} where ${condition.sql}`, ...condition.values);
}
