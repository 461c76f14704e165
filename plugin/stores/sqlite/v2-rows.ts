import { LARGEST_LOADED_BYTES } from "../../model/artifact.ts";
import type { RowOf2x, StoredValue } from "../../model/row-2x.ts";
import { byteLength, type Connection, type SqlRow, type SqlValue } from "./driver.ts";
import { readRowValues, selectRowValues } from "./row-values.ts";
import { quoted } from "./schema.ts";
import { nextStart } from "./sqlite-error.ts";

/** The number of rows that one statement reads, so that no read transaction lasts long. */
const ROWS_AT_ONCE = 64;

/** Which rows to read: `null` for all rows, otherwise those whose `column` has one of these values. */
export type Selected = { readonly column: string; readonly values: readonly string[] } | null;

/** Reads the rows of a table in the order of their rowids, a few at a time. Each row also has its rowid as text. */
export function* readRowsOf2x(
  connection: Connection,
  table: string,
  columns: readonly string[],
  jsonColumns: readonly string[],
  selected: Selected = null,
): Iterable<RowOf2x[]> {
  const json = jsonColumns.filter((column) => columns.includes(column));
  const plain = columns.filter((column) => !json.includes(column));
  const selects = ["cast(rowid as text) as at", ...selectRowValues(plain), ...json.flatMap(selectJSON)];
  const among = selected === null ? "" : ` and ${quoted(selected.column)} in (select value from json_each(?))`;
  const sql = `select ${selects.join(", ")} from ${quoted(table)} where rowid > cast(? as integer)${among}
    order by rowid limit ${ROWS_AT_ONCE}`;
  const wanted = selected === null ? [] : [JSON.stringify(selected.values)];
  for (let after = "-9223372036854775808"; ; ) {
    const rows = connection.all(sql, after, ...wanted);
    yield rows.map((row) => rowFrom(row, plain, json));
    const at = rows.at(-1)?.at;
    if (typeof at !== "string" || rows.length < ROWS_AT_ONCE) return;
    after = nextStart(table, after, at);
  }
}

function selectJSON(column: string, index: number): string[] {
  const name = quoted(column);
  return [
    `typeof(${name}) as s${index}`,
    `${byteLength(name)} as n${index}`,
    `case when ${byteLength(name)} <= ${LARGEST_LOADED_BYTES} then cast(${name} as blob) end as v${index}`,
  ];
}

function rowFrom(row: SqlRow, plain: readonly string[], json: readonly string[]): RowOf2x {
  const values = json.flatMap((column, index): [string, StoredValue][] => {
    const storage = row[`s${index}`];
    if (storage === "null") return [];
    const size = Number(row[`n${index}`]);
    return [[column, { storage: storageOf(storage), size, bytes: bytesOf(row[`v${index}`], size) }]];
  });
  return { values: { ...readRowValues(plain, row), rowid: String(row.at) }, json: new Map(values) };
}

function storageOf(storage: SqlValue | undefined): StoredValue["storage"] {
  return storage === "text" || storage === "blob" ? storage : "number";
}

function bytesOf(value: SqlValue | undefined, size: number): Buffer | null {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  // Runtimes return an empty BLOB as a missing value, so an empty buffer replaces it.
  return size === 0 ? Buffer.alloc(0) : null;
}
