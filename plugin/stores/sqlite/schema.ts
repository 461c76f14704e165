import type { Origin } from "../../model/origin.ts";
import type { Connection } from "./driver.ts";
import { NEWEST_KNOWN_MIGRATION, originOf } from "./origin.ts";

/** A value that a host parses as JSON, and the text that replaces it when it is quarantined. */
export interface JsonColumn {
  readonly table: "session" | "project" | "message" | "part" | "session_v2" | "session_message";
  readonly column: string;
  /**
   * `null` removes only the value. The replacement is a text if the column must not be null. `row`: the whole row is
   * removed.
   */
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
  // A message's row of opencode 2.x. Such a row keeps its position by `seq`, which no other row gets meanwhile.
  { table: "session_message", column: "data", whenSetAside: "row" },
  ...["fork_boundary", "summary_diffs", "metadata", "revert", "permission", "model"].map((column) => ({
    table: "session_v2" as const,
    column,
    whenSetAside: null,
  })),
];

/** The tables and columns of one database, as the database itself states them. No version is assumed. */
export interface Schema {
  readonly origin: Origin;
  /** Missing tables that every load needs. */
  readonly missing: readonly string[];
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** Ids in the table `migration`, if there is one. */
  readonly migrations: ReadonlySet<string>;
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

/** The columns that identify the rows of one table, and their parents. */
export interface TableShape {
  readonly name: "project" | "session" | "message" | "part" | "todo";
  readonly key: readonly string[];
  /** The column that names the session of a row. */
  readonly session: string | null;
  /** Whether a host reads more columns than the ids and one document. */
  readonly hasRowValues: boolean;
}

export const TABLES: Readonly<Record<TableShape["name"], TableShape>> = {
  project: { name: "project", key: ["id"], session: null, hasRowValues: true },
  session: { name: "session", key: ["id"], session: "id", hasRowValues: true },
  message: { name: "message", key: ["id"], session: "session_id", hasRowValues: false },
  part: { name: "part", key: ["id"], session: "session_id", hasRowValues: false },
  todo: { name: "todo", key: ["session_id", "position"], session: "session_id", hasRowValues: true },
};

/** The columns of a table that a host parses as JSON. */
export function jsonColumnsOf({ jsonColumns }: Schema, table: TableShape): string[] {
  return jsonColumns.filter((each) => each.table === table.name).map((each) => each.column);
}

/** The columns of a table that a host reads without parsing. */
export function plainColumnsOf(schema: Schema, table: TableShape): string[] {
  const json = jsonColumnsOf(schema, table);
  return (schema.tables.get(table.name) ?? []).filter((column) => !json.includes(column));
}

const MOST_MIGRATIONS = 100;

/** Ids of migrations that are newer than all that this tool knows, in order. */
function unknownMigrations(connection: Connection, tables: ReadonlyMap<string, readonly string[]>): string[] {
  if (tables.get("migration")?.includes("id") !== true) return [];
  const sql = "select id from migration where id > ? and typeof(id) = 'text' order by id limit ?";
  return connection.all(sql, NEWEST_KNOWN_MIGRATION, MOST_MIGRATIONS).map(({ id }) => String(id));
}

/** Reads the shape of a database: tables, columns, migrations. */
export function readSchema(connection: Connection): Schema {
  const names = connection.all("select name from sqlite_master where type = 'table'").map((row) => String(row.name));
  const tables = new Map(names.map((name) => [name, columnNames(connection, name)]));
  return {
    origin: originOf({ tables, unknownMigrations: unknownMigrations(connection, tables) }),
    missing: NEEDED_TABLES.filter((table) => !tables.has(table)),
    tables,
    migrations: new Set(
      tables.get("migration")?.includes("id")
        ? connection.all("select id from migration").map((row) => String(row.id))
        : [],
    ),
    jsonColumns: JSON_COLUMNS.filter(({ table, column }) => tables.get(table)?.includes(column)),
  };
}

/** The size of an open database, in bytes. */
export function databaseBytes(connection: Connection): number {
  const sql = "select page_count * page_size as size from pragma_page_count, pragma_page_size";
  return Number(connection.all(sql)[0]?.size);
}
