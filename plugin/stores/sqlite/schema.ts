import type { Origin } from "../../model/origin.ts";
import type { Connection } from "./driver.ts";
import { NEWEST_KNOWN_MIGRATION, originOf } from "./origin.ts";

/** A column whose value opencode parses as JSON, and what happens to the column when the value is quarantined. */
export interface JsonColumn {
  readonly table: "session" | "project" | "message" | "part" | "session_v2" | "session_message";
  readonly column: string;
  /**
   * What the column holds after its value was quarantined: `null`, or a text if the column must not be NULL. `row`
   * means that the whole row is removed.
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
  // A message of opencode 2.x. The number in `seq` is the position of the message in the session, so a removed message
  // can return to that position.
  { table: "session_message", column: "data", whenSetAside: "row" },
  ...["fork_boundary", "summary_diffs", "metadata", "revert", "permission", "model"].map((column) => ({
    table: "session_v2" as const,
    column,
    whenSetAside: null,
  })),
];

/** The tables and columns that a database really has. No version of opencode is assumed. */
export interface Schema {
  readonly origin: Origin;
  /** Tables and columns (`part.data`) without which no session can be read, but that the database lacks. */
  readonly missing: readonly string[];
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** The ids in the table `migration`; empty if there is no such table. */
  readonly migrations: ReadonlySet<string>;
  readonly jsonColumns: readonly JsonColumn[];
}

/** Tables, and columns without which nobody can tell which records belong together. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  project: [],
  session: ["id"],
  message: ["id", "session_id", "data"],
  part: ["id", "session_id", "data"],
};

/** How sessions are sorted: the newest first, even in a database that lost the column with their time. */
export function newestFirst({ tables }: Schema): string {
  return tables.get("session")?.includes("time_updated") ? "time_updated desc, id desc" : "id";
}

/** The name of a table or column, quoted for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function columnNames(connection: Connection, table: string): string[] {
  return connection.all(`pragma table_info(${quoted(table)})`).map((row) => String(row.name));
}

/** Which columns of a table identify its rows and name their session. */
export interface TableShape {
  readonly name: "project" | "session" | "message" | "part" | "todo";
  readonly key: readonly string[];
  /** The column that names the session of a row; `null` if there is none. */
  readonly session: string | null;
  /** Whether opencode reads more columns of this table than the ids and one document. */
  readonly hasRowValues: boolean;
}

export const TABLES: Readonly<Record<TableShape["name"], TableShape>> = {
  project: { name: "project", key: ["id"], session: null, hasRowValues: true },
  session: { name: "session", key: ["id"], session: "id", hasRowValues: true },
  message: { name: "message", key: ["id"], session: "session_id", hasRowValues: false },
  part: { name: "part", key: ["id"], session: "session_id", hasRowValues: false },
  todo: { name: "todo", key: ["session_id", "position"], session: "session_id", hasRowValues: true },
};

/** The columns of a table that opencode parses as JSON. */
export function jsonColumnsOf({ jsonColumns }: Schema, table: TableShape): string[] {
  return jsonColumns.filter((each) => each.table === table.name).map((each) => each.column);
}

/** The columns of a table that opencode reads without parsing JSON. */
export function plainColumnsOf(schema: Schema, table: TableShape): string[] {
  const json = jsonColumnsOf(schema, table);
  return (schema.tables.get(table.name) ?? []).filter((column) => !json.includes(column));
}

const MOST_MIGRATIONS = 100;

/** The ids of migrations that are newer than all that this tool knows, in order. */
function unknownMigrations(connection: Connection, tables: ReadonlyMap<string, readonly string[]>): string[] {
  if (tables.get("migration")?.includes("id") !== true) return [];
  const sql = "select id from migration where id > ? and typeof(id) = 'text' order by id limit ?";
  return connection.all(sql, NEWEST_KNOWN_MIGRATION, MOST_MIGRATIONS).map(({ id }) => String(id));
}

/** Reads from a database which tables, columns and migrations it has. */
export function readSchema(connection: Connection): Schema {
  const names = connection.all("select name from sqlite_master where type = 'table'").map((row) => String(row.name));
  const tables = new Map(names.map((name) => [name, columnNames(connection, name)]));
  return {
    origin: originOf({ tables, unknownMigrations: unknownMigrations(connection, tables) }),
    missing: Object.entries(NEEDED).flatMap(([table, columns]) => {
      const there = tables.get(table);
      if (there === undefined) return [table];
      return columns.filter((column) => !there.includes(column)).map((column) => `${table}.${column}`);
    }),
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
