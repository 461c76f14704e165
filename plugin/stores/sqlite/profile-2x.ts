import type { OtherTable } from "../../hosts/v2/other-tables.ts";
import type { Profile, ProfileName } from "../../hosts/v2/profile.ts";
import { PROFILES } from "../../hosts/v2/profiles.ts";
import type { Origin } from "../../model/origin.ts";
import type { Schema } from "./schema.ts";

const OF_ORIGIN: Partial<Readonly<Record<Origin["kind"], ProfileName>>> = {
  "2.x": "2.0.26",
  "1.x and 2.x": "2.0.26",
  "1.x with messages of 2.x": "2 preview",
};

/** Columns without which a row of `session_message` cannot be decoded. */
const NEEDED_OF_MESSAGE = ["id", "session_id", "type", "seq", "data"];
const NEEDED_OF_SESSION = ["id", "project_id", "directory", "title", "cost", "model", "time_created", "time_updated"];

/**
 * The version of opencode 2.x whose rules apply to the rows of a database. `null` if the database has no rows of 2.x,
 * or if their tables lack a needed column.
 */
export function profileFor({ kind }: Origin, { tables }: Schema): Profile | null {
  const name = OF_ORIGIN[kind];
  const profile = name === undefined ? undefined : PROFILES[name];
  if (profile === undefined) return null;
  const has = (table: string, columns: readonly string[]) =>
    columns.every((column) => tables.get(table)?.includes(column));
  return has("session_message", NEEDED_OF_MESSAGE) && has(profile.sessionTable, NEEDED_OF_SESSION) ? profile : null;
}

/**
 * The tables (other than sessions and messages) that lack a column which the check of their rows needs. Their rows are
 * not checked.
 */
export function unreadTables({ otherTables }: Profile, schema: Schema): string[] {
  return otherTables.filter((other) => !isOfKnownShape(other, schema)).map(({ table }) => table);
}

/**
 * Whether a table has every column that the check of its rows needs. This is also true for a missing table, because it
 * has no rows.
 */
function isOfKnownShape({ table, name, sessionColumn, columns, jsonColumns }: OtherTable, { tables }: Schema): boolean {
  const needed = [name, ...(sessionColumn === undefined ? [] : [sessionColumn]), ...columns, ...jsonColumns];
  const found = tables.get(table);
  return found === undefined || needed.every((column) => found.includes(column));
}
