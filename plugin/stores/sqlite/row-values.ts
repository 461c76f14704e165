import type { RowValues } from "../../model/artifact.ts";
import { sqliteText } from "../../records/file-text.ts";
import type { SqlRow, SqlValue } from "./driver.ts";
import { quoted } from "./schema.ts";

/** Columns that a select reads exactly, under names of their own; {@link readRowValues} takes them from a row. */
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

/** The columns of a row as a host's SQLite hands them to it. */
export function readRowValues(columns: readonly string[], row: SqlRow): RowValues {
  return Object.fromEntries(
    columns.map((column, index) => [column, hostValue(row[`c${index}`], row[`w${index}`] ?? null)]),
  );
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
