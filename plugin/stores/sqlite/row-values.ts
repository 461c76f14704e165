import type { RowValues } from "../../model/artifact.ts";
import { sqliteText } from "../../records/file-text.ts";
import type { SqlRow, SqlValue } from "./driver.ts";
import { plainColumnsOf, quoted, type Schema, type TableShape } from "./schema.ts";

/**
 * The name of an added value in a session's row: the id of the session's workspace if that workspace exists, otherwise
 * NULL.
 */
const WORKSPACE = "workspace";

/**
 * The SQL that selects columns without loss (integers as text, texts as bytes) and gives them new names. {@link
 * readRowValues} reads the result.
 */
export function selectRowValues(columns: readonly string[]): string[] {
  return columns.flatMap((column, index) => {
    const name = quoted(column);
    return [
      `typeof(${name}) as c${index}`,
      `case typeof(${name}) when 'integer' then cast(${name} as text) when 'text' then cast(${name} as blob)
         else ${name} end as w${index}`,
    ];
  });
}

/** The columns of a row, with the values that opencode gets from its SQLite. */
export function readRowValues(columns: readonly string[], row: SqlRow): RowValues {
  return Object.fromEntries(
    columns.map((column, index) => [column, hostValue(row[`c${index}`], row[`w${index}`] ?? null)]),
  );
}

/**
 * The SQL that selects what {@link rowValuesReader} reads. It selects nothing from a table whose rows have only ids and
 * one document.
 */
export function selectRowValuesOf(schema: Schema, table: TableShape): string[] {
  if (!table.hasRowValues) return [];
  const selected = selectRowValues(plainColumnsOf(schema, table));
  const has = (name: string, column: string) => schema.tables.get(name)?.includes(column) === true;
  if (table.name !== "session" || !has("workspace", "id") || !has("session", "workspace_id")) return selected;
  return [...selected, `(select id from workspace where workspace.id = session.workspace_id) as ${WORKSPACE}`];
}

/**
 * Returns a function that reads the columns without JSON from a table's rows. For tables whose rows have only ids and
 * one document, that function returns `null`.
 */
export function rowValuesReader(schema: Schema, table: TableShape): (row: SqlRow) => RowValues | null {
  if (!table.hasRowValues) return () => null;
  const columns = plainColumnsOf(schema, table);
  return (row) => {
    const values = readRowValues(columns, row);
    return row[WORKSPACE] === undefined ? values : { ...values, [WORKSPACE]: row[WORKSPACE] };
  };
}

function hostValue(storage: SqlValue | undefined, value: SqlValue): RowValues[string] {
  switch (storage) {
    case "integer":
    case "real":
      return Number(value);
    case "text":
      return value instanceof Uint8Array ? sqliteText(Buffer.from(value)) : "";
    case "blob":
      return value instanceof Uint8Array ? value : new Uint8Array();
    default:
      return null;
  }
}
