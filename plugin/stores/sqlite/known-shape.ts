import type { Origin } from "../../model/origin.ts";
import type { Connection } from "./driver.ts";
import { isMigrationOf2x, isUnknownMigration } from "./origin.ts";
import { quoted, type Schema } from "./schema.ts";

const TIMES = ["time_created:integer", "time_updated:integer"];

/** The tables that this tool writes to, with their columns and types in 1.18.34 (measured). */
const WRITTEN: Readonly<Record<string, readonly string[]>> = {
  project: ["id:text", "worktree:text", "vcs:text", "sandboxes:text", "commands:text", ...TIMES],
  session: [
    ...["id", "project_id", "workspace_id", "parent_id", "slug", "directory", "path", "title", "version"].map(asText),
    ...["summary_diffs", "metadata", "revert", "permission", "agent", "model", "share_url"].map(asText),
    ...["tokens_input", "tokens_output", "tokens_reasoning", "tokens_cache_read"].map((name) => `${name}:integer`),
    ...["tokens_cache_write:integer", "cost:real", "time_compacting:integer", "time_archived:integer", ...TIMES],
  ],
  message: ["id:text", "session_id:text", "data:text", ...TIMES],
  part: ["id:text", "message_id:text", "session_id:text", "data:text", ...TIMES],
  todo: ["session_id:text", "content:text", "status:text", "priority:text", "position:integer", ...TIMES],
};

/** Tables of 1.18.34 from which rows are removed when their session or message is removed. */
const KNOWN_CHILDREN = [
  ...["message", "part", "todo", "session_share", "session_message", "session_input", "session_context_epoch"],
];

function asText(name: string): string {
  return `${name}:text`;
}

/**
 * Decides whether this tool may write to a database that an opencode newer than 1.18.34 has written. Its unknown
 * migrations may have changed anything, so the tables themselves must show that writing is safe:
 * - Every column that this tool knows exists, and has the known type.
 * - Every other column may be left out when a row is added.
 * - No trigger runs on a write, and no unknown table loses rows with a message or session.
 */
export function withKnownShape(origin: Origin, connection: Connection, schema: Schema): Origin {
  if (origin.kind !== "newer" && origin.kind !== "1.x and 2.x") return origin;
  if (!isKnownShape(connection, schema)) return origin;
  const isStrange = [...schema.migrations].some((id) => isUnknownMigration(id) && !isMigrationOf2x(id));
  return { ...origin, writable: isStrange ? "unreadable" : "all" };
}

function isKnownShape(connection: Connection, { tables }: Schema): boolean {
  if (hasTriggers(connection)) return false;
  const areColumnsKnown = Object.entries(WRITTEN).every(([table, columns]) => hasColumns(connection, table, columns));
  const areKept = (table: string) => losesNothing(connection, table, ["session", "message", "part"]);
  return areColumnsKnown && [...tables.keys()].every((table) => KNOWN_CHILDREN.includes(table) || areKept(table));
}

/** Whether a row of `session_message` can be removed and restored without any other change in the database. */
export function leavesAlone(connection: Connection, { tables }: Schema): boolean {
  if (hasTriggers(connection)) return false;
  return [...tables.keys()].every((table) => losesNothing(connection, table, ["session_message"]));
}

/**
 * Whether a write to a record may also change other rows. A trigger can change them, or a foreign key in a table that
 * opencode did not make. opencode itself never makes a trigger.
 */
export function mayChangeMore(connection: Connection): boolean {
  if (hasTriggers(connection)) return true;
  const tables = connection.all("select name from sqlite_master where type = 'table'").map(({ name }) => String(name));
  const strange = tables.filter((name) => !KNOWN_CHILDREN.includes(name));
  return !strange.every((table) => losesNothing(connection, table, ["session", "message", "part"]));
}

function hasTriggers(connection: Connection): boolean {
  return connection.all("select 1 from sqlite_master where type = 'trigger' limit 1").length > 0;
}

function hasColumns(connection: Connection, table: string, columns: readonly string[]): boolean {
  const rows = connection.all(`pragma table_xinfo(${quoted(table)})`);
  const found = new Set(rows.map(({ name, type }) => `${String(name)}:${String(type).toLowerCase()}`));
  if (!columns.every((column) => found.has(column))) return false;
  const names = new Set(columns.map((column) => column.split(":")[0]));
  return rows.every(({ name, notnull, dflt_value, hidden }) => {
    const isFree = (Number(notnull) === 0 || dflt_value !== null) && Number(hidden) === 0;
    return names.has(String(name)) || isFree;
  });
}

/** Whether a table keeps its rows unchanged when a row of a table in `others` is removed or gets another id. */
function losesNothing(connection: Connection, table: string, others: readonly string[]): boolean {
  const keys = connection.all(`pragma foreign_key_list(${quoted(table)})`);
  const hasNoAction = (key: (typeof keys)[number]) =>
    [key.on_delete, key.on_update].every((action) => action === "NO ACTION");
  return keys.every((key) => !others.includes(String(key.table)) || hasNoAction(key));
}
