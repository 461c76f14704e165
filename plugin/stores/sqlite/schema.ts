import type { Contract } from "../store.ts";
import type { Connection } from "./driver.ts";

/** The newest migration of opencode 1.17.18 to 1.18.34 (all 38 read from a fresh database of each). */
export const NEWEST_KNOWN_MIGRATION = "20260622202450_simplify_session_input";

/** Tables that only the 2.x line has. `session_message` alone is no sign: every database since 1.14.41 has it. */
const TABLES_OF_2X = ["session_v2", "instruction_blob"];

/** A value that a host parses as JSON, and what stands in its place when it is set aside. */
export interface JsonColumn {
  readonly table: "session" | "project" | "message" | "part";
  readonly column: string;
  /** `null` removes the value alone; a text replaces it where the column may not be null; `row`: the row goes. */
  readonly whenSetAside: null | string | "row";
}

const JSON_COLUMNS: readonly JsonColumn[] = [
  ...["summary_diffs", "metadata", "revert", "permission", "model"].map((column) => ({
    table: "session" as const,
    column,
    whenSetAside: null,
  })),
  { table: "project", column: "sandboxes", whenSetAside: "[]" },
  { table: "project", column: "commands", whenSetAside: null },
  { table: "message", column: "data", whenSetAside: "row" },
  { table: "part", column: "data", whenSetAside: "row" },
];

/** What one database says of its own shape; nothing here is assumed from a version. */
export interface Schema {
  readonly contract: Contract;
  /** Written by opencode 2.x, or by a newer 1.x than this tool knows: reported, never written. */
  readonly newer: string | null;
  /** Missing tables without which nothing can be loaded. */
  readonly missing: readonly string[];
  readonly tables: ReadonlyMap<string, readonly string[]>;
  readonly jsonColumns: readonly JsonColumn[];
}

const NEEDED_TABLES = ["project", "session", "message", "part"];

/** A table or column name, quoted for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function columnNames(connection: Connection, table: string): string[] {
  return connection.all(`pragma table_info(${quoted(table)})`).map((row) => String(row.name));
}

function newerThanKnown(connection: Connection, tables: ReadonlyMap<string, readonly string[]>): string | null {
  const foreign = TABLES_OF_2X.find((table) => tables.has(table));
  if (foreign !== undefined) return `table ${foreign}, which opencode 2.x writes`;
  if (!tables.has("migration")) return null;
  const unknown = connection.all(
    "select id from migration where id > ? and typeof(id) = 'text' order by id limit 1",
    NEWEST_KNOWN_MIGRATION,
  );
  const id = unknown[0]?.id;
  return typeof id === "string" ? `migration ${id.slice(0, 14)}, newer than this tool knows` : null;
}

/** Reads the shape of the database at hand: tables, columns, migrations. */
export function readSchema(connection: Connection): Schema {
  const names = connection.all("select name from sqlite_master where type = 'table'").map((row) => String(row.name));
  const tables = new Map(names.map((name) => [name, columnNames(connection, name)]));
  return {
    // The `migration` table came with 1.16/1.17, and with it the hosts that check every record against its schema.
    contract: tables.has("migration") ? "strict" : "syntax",
    newer: newerThanKnown(connection, tables),
    missing: NEEDED_TABLES.filter((table) => !tables.has(table)),
    tables,
    jsonColumns: JSON_COLUMNS.filter(({ table, column }) => tables.get(table)?.includes(column)),
  };
}
