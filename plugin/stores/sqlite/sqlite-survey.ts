import type { Survey, SurveyedProject } from "../survey.ts";
import type { Connection } from "./driver.ts";
import { firstDamage } from "./integrity.ts";
import { NEWEST_KNOWN_MIGRATION } from "./origin.ts";
import type { Schema } from "./schema.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/** 2026-08-14T11:19:55.136Z, in milliseconds: 26 times 2 to the 36th, where the 48-bit clock of message ids wrapped. */
const ID_CLOCK_WRAP_MS = 26 * 2 ** 36;

/** Counting orphaned parts of a larger store takes as long as reading them. */
const MOST_PARTS_COUNTED = 100_000;

/** Columns that opencode 1.17.18 to 1.18.33 name in their queries of the load path. */
const READ_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  project: ["worktree", "vcs", "name", "icon_url", "icon_url_override", "icon_color", "sandboxes", "commands"],
  session: [
    ...["project_id", "workspace_id", "parent_id", "slug", "directory", "path", "title", "version", "share_url"],
    ...["summary_additions", "summary_deletions", "summary_files", "summary_diffs", "metadata", "cost"],
    ...["tokens_input", "tokens_output", "tokens_reasoning", "tokens_cache_read", "tokens_cache_write"],
    ...["revert", "permission", "agent", "model", "time_created", "time_updated", "time_compacting", "time_archived"],
  ],
  message: ["session_id", "time_created", "time_updated", "data"],
  part: ["message_id", "session_id", "time_created", "time_updated", "data"],
  todo: ["session_id", "content", "status", "priority", "position"],
};

/** Columns that opencode 1.2.1 names in its queries of the load path. */
const OLDEST_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  project: ["worktree", "vcs", "sandboxes"],
  session: ["project_id", "parent_id", "slug", "directory", "title", "version", "revert", "permission", "time_updated"],
  message: ["session_id", "time_created", "data"],
  part: ["message_id", "session_id", "data"],
};

/**
 * Migrations that add a table or a column and fail where it is there already (measured on 1.18.33: `duplicate column name:
 * cost`, `table control_account already exists`).
 */
const ADDING_MIGRATIONS: readonly (readonly [id: string, table: string, column: string])[] = [
  ["20260127222353_familiar_lady_ursula", "project", "id"],
  ["20260211171708_add_project_commands", "project", "commands"],
  ["20260213144116_wakeful_the_professor", "control_account", "email"],
  ["20260225215848_workspace", "workspace", "id"],
  ["20260227213759_add_session_workspace_id", "session", "workspace_id"],
  ["20260323234822_events", "event", "id"],
  ["20260423070820_add_icon_url_override", "project", "icon_url_override"],
  ["20260428004200_add_session_path", "session", "path"],
  ["20260510033149_session_usage", "session", "cost"],
];

/**
 * Surveys an open database. `isAlone`: this process has nothing else to do, so that every page may be looked at; else every
 * statement reads indexes or few rows.
 */
export function surveyDatabase(connection: Connection, schema: Schema, isAlone: boolean): Survey {
  const number = (sql: string) => readable(() => Number(Object.values(connection.all(sql)[0] ?? {})[0] ?? 0), 0);
  const pageBytes = number("pragma page_size");
  const parts = number("select count(*) from part");
  return {
    projects:
      missingColumns(schema).length === 0 || !hasOwnMigrations(schema)
        ? readable(() => projectsOf(connection), [])
        : [],
    orphans: {
      messages: number("select count(*) from message where session_id not in (select id from session)"),
      parts:
        parts > MOST_PARTS_COUNTED
          ? 0
          : number("select count(*) from part where message_id not in (select id from message)"),
    },
    wrappedSessions: readable(() => wrappedSessions(connection), []),
    database: {
      bytes: number("pragma page_count") * pageBytes,
      freeBytes: number("pragma freelist_count") * pageBytes,
      missingColumns: hasEveryMigration(connection, schema) ? missingColumns(schema) : [],
      unrecordedMigrations: ADDING_MIGRATIONS.filter(
        ([id, table, column]) =>
          schema.tables.get(table)?.includes(column) === true && !isRecorded(connection, schema, id),
      ).map(([id]) => id),
      damage: isAlone ? firstDamage(connection, "quick") : null,
      missingOldColumns: hasOwnMigrations(schema) ? [] : missingFrom(schema, OLDEST_COLUMNS),
      stoppingMigration: schema.tables.get("session")?.includes("cost")
        ? []
        : readable(() => messagesStopping(connection), []),
      // After an upgrade by 1.18.24 or newer the old journal stays, and nobody reads it.
      hasOldJournal:
        schema.migrations.size === 0 &&
        schema.tables.has("__drizzle_migrations") &&
        schema.tables.get("__drizzle_migrations")?.includes("name") === false,
    },
  };
}

/** What lies on a damaged page, also of an index, is left out: that there is one says `damage`. */
function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (sqliteFailure(error) === "malformed") return otherwise;
    throw error;
  }
}

function projectsOf(connection: Connection): SurveyedProject[] {
  const worktrees = new Map(
    connection.all("select id, worktree from project").map((row) => [String(row.id), String(row.worktree)]),
  );
  const projects = new Map<string, SurveyedProject & { folders: { directory: string; sessions: number }[] }>();
  for (const [id, worktree] of worktrees) projects.set(id, { id, worktree, folders: [] });
  const rows = connection.all(
    "select project_id as project, directory, count(*) as sessions from session group by project_id, directory",
  );
  for (const row of rows) {
    const id = String(row.project);
    const project = projects.get(id) ?? { id, worktree: null, folders: [] };
    project.folders.push({ directory: String(row.directory), sessions: Number(row.sessions) });
    projects.set(id, project);
  }
  return [...projects.values()];
}

function wrappedSessions(connection: Connection): string[] {
  const [before, after] = [`time_created < ${ID_CLOCK_WRAP_MS}`, `time_created >= ${ID_CLOCK_WRAP_MS}`];
  return connection
    .all(
      `select session_id as id from message group by session_id
       having min(time_created) < ${ID_CLOCK_WRAP_MS} and max(time_created) >= ${ID_CLOCK_WRAP_MS}
         and max(case when ${before} then id end) > min(case when ${after} then id end)`,
    )
    .map((row) => String(row.id));
}

/** Whether 1.17 or newer has upgraded the database. */
function hasOwnMigrations(schema: Schema): boolean {
  return schema.tables.has("migration");
}

function hasEveryMigration(connection: Connection, schema: Schema): boolean {
  return hasOwnMigrations(schema) && isRecorded(connection, schema, NEWEST_KNOWN_MIGRATION);
}

/** Up to 1.14 the journal tells a migration by its name, or, as 1.2.1 did, by the moment that its id begins with. */
function isRecorded(connection: Connection, schema: Schema, id: string): boolean {
  if (schema.tables.has("migration") && connection.all("select 1 from migration where id = ?", id).length > 0) {
    return true;
  }
  const journal = schema.tables.get("__drizzle_migrations");
  if (journal?.includes("created_at") !== true) return false;
  const [, ...digits] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(id) ?? [];
  const [year = 0, month = 1, ...rest] = digits.map(Number);
  const byName = journal.includes("name") ? "name = ? or" : "? is null or";
  const sql = `select 1 from __drizzle_migrations where ${byName} created_at = ?`;
  return connection.all(sql, id, Date.UTC(year, month - 1, ...rest)).length > 0;
}

/** The migration session_usage reads the documents of all messages with SQLite's JSON functions. */
function messagesStopping(connection: Connection): { messageID: string; sessionID: string }[] {
  return connection
    .all("select id, session_id as session from message where typeof(data) = 'blob' or not json_valid(data) limit 20")
    .map((row) => ({ messageID: String(row.id), sessionID: String(row.session) }));
}

function missingColumns(schema: Schema): string[] {
  return missingFrom(schema, READ_COLUMNS);
}

function missingFrom(schema: Schema, wanted: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(wanted).flatMap(([table, columns]) =>
    columns.filter((column) => schema.tables.get(table)?.includes(column) === false).map((name) => `${table}.${name}`),
  );
}
