import { missingColumns, neverAdded } from "../../hosts/columns.ts";
import { hostLine, NEWEST_LINE } from "../../hosts/store-line.ts";
import { OLDEST_COLUMNS } from "../../hosts/v1.2/profile.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import type { CounterBehind, OldJournal, Survey, SurveyedProject } from "../survey.ts";
import { readFrame } from "./database-frame.ts";
import type { Connection } from "./driver.ts";
import { firstDamage } from "./integrity.ts";
import type { Schema } from "./schema.ts";
import { textList } from "./sqlite-conversation.ts";
import { sqliteFailure } from "./sqlite-error.ts";
import { tableDigest } from "./table-digest.ts";

/**
 * 2026-08-14T11:19:55.136Z in milliseconds, which is 26 times 2 to the 36th. At this time, the 48-bit clock in message
 * ids overflows.
 */
const ID_CLOCK_WRAP_MS = 26 * 2 ** 36;

/**
 * With more parts than this, orphaned parts are not counted, because counting them takes as long as reading all parts.
 */
const MOST_PARTS_COUNTED = 100_000;

/**
 * Reads facts about an open database as a whole. `isAlone`: this process has no other work, so every page may be read.
 * Otherwise every statement reads only indexes or a few rows.
 */
export function surveyDatabase(
  connection: Connection,
  schema: Schema,
  store: StoreDescription,
  isAlone: boolean,
): Survey {
  const missing = missingColumns(hostLine(store), schema);
  const number = (sql: string) => readable(() => Number(Object.values(connection.all(sql)[0] ?? {})[0] ?? 0), 0);
  const pageBytes = number("pragma page_size");
  const parts = number("select count(*) from part");
  const unrecordedMigrations = applied(connection, schema).filter((id) => !isRecorded(connection, schema, id));
  const named = [...missing.read, ...missing.written, ...missing.writtenBySome];
  // opencode 2.x drops tables of 1.x but keeps their journal. So in a database of 2.x, a missing column is not a
  // problem.
  const is1x = schema.origin.kind === "1.x" || schema.origin.kind === "1.x with messages of 2.x";
  const neverAddedColumns = (
    is1x ? neverAdded(NEWEST_LINE, schema, (id) => isRecorded(connection, schema, id)) : []
  ).filter((name) => !named.includes(name) && !named.includes(name.split(".")[0] ?? ""));
  const oldJournal = readable(() => readOldJournal(connection, schema), null);
  const countersBehind = readable(() => countersBehindLog(connection, schema), []);
  const isLacking = named.length + unrecordedMigrations.length + neverAddedColumns.length > 0 || oldJournal !== null;
  return {
    projects: missing.read.length === 0 ? readable(() => projectsOf(connection), []) : [],
    orphans: {
      messages: number("select count(*) from message where session_id not in (select id from session)"),
      parts:
        parts > MOST_PARTS_COUNTED
          ? 0
          : number("select count(*) from part where message_id not in (select id from message)"),
    },
    wrappedSessions: missing.read.length === 0 ? readable(() => wrappedSessions(connection), []) : [],
    database: {
      bytes: number("pragma page_count") * pageBytes,
      freeBytes: number("pragma freelist_count") * pageBytes,
      missingColumns: missing.read,
      missingWrittenColumns: missing.written,
      missingColumnsOfSome: is1x ? missing.writtenBySome : [],
      unrecordedMigrations,
      neverAddedColumns,
      triedByOlder:
        schema.migrations.size > 0 &&
        schema.tables.has("__drizzle_migrations") &&
        number("select count(*) from __drizzle_migrations") === 0,
      countersBehind,
      countersDigest:
        countersBehind.length > 0 ? readable(() => tableDigest(connection, "event_sequence"), null) : null,
      damage: isAlone ? firstDamage(connection, "quick") : null,
      missingOldColumns: hasOwnMigrations(schema) ? [] : missingFrom(schema, OLDEST_COLUMNS),
      stoppingMigration: schema.tables.get("session")?.includes("cost")
        ? []
        : readable(() => messagesStopping(connection), []),
      oldJournal,
      frame: isLacking ? readable(() => readFrame(connection, schema), null) : null,
    },
  };
}

/**
 * Runs a query. If a damaged page or index makes the query fail, `otherwise` is the result, because `damage` reports
 * such a page.
 */
function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (sqliteFailure(error) === "malformed") return otherwise;
    throw error;
  }
}

function projectsOf(connection: Connection): SurveyedProject[] {
  const known = connection.all("select id, worktree, cast(sandboxes as text) as sandboxes from project");
  const projects = new Map<string, SurveyedProject & { folders: { directory: string; sessions: number }[] }>();
  for (const { id, worktree, sandboxes } of known)
    projects.set(String(id), {
      ...{ id: String(id), worktree: String(worktree), folders: [] },
      sandboxes: textList(sandboxes === null ? null : String(sandboxes)),
    });
  const rows = connection.all(
    "select project_id as project, directory, count(*) as sessions from session group by project_id, directory",
  );
  for (const row of rows) {
    const id = String(row.project);
    const project = projects.get(id) ?? { id, worktree: null, sandboxes: [], folders: [] };
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

/** Whether opencode 1.17 or newer has upgraded the database. */
function hasOwnMigrations(schema: Schema): boolean {
  return schema.tables.has("migration");
}

/** The migrations whose table, column or index exists in the database. */
function applied(connection: Connection, schema: Schema): string[] {
  const indexes = new Set(
    connection.all("select name from sqlite_master where type = 'index'").map((row) => String(row.name)),
  );
  const isThere = (name: string, column: string | undefined) =>
    column === undefined ? indexes.has(name) : schema.tables.get(name)?.includes(column) === true;
  return NEWEST_LINE.adds.filter(([, name, column]) => isThere(name, column)).map(([id]) => id);
}

/** A journal has no more rows than opencode has migrations. */
const MOST_MOMENTS = 200;

/** Reads the old journal. `null` after an upgrade to 1.18.24 or newer, because opencode then no longer reads it. */
function readOldJournal(connection: Connection, schema: Schema): OldJournal | null {
  const columns = schema.tables.get("__drizzle_migrations");
  if (schema.migrations.size > 0 || columns === undefined || columns.includes("name")) return null;
  if (!columns.includes("created_at")) return { moments: [], unrecorded: [] };
  // As 1.18.24 compares them.
  const rows = connection.all(
    `select distinct coalesce(strftime('%Y%m%d%H%M%S', created_at / 1000, 'unixepoch'), '') as moment
     from __drizzle_migrations where created_at is not null limit ${MOST_MOMENTS}`,
  );
  const moments = rows.map(({ moment }) => String(moment));
  const hasMoment = (id: string) => moments.some((moment) => id.startsWith(`${moment}_`));
  const unrecorded = applied(connection, schema).filter((id) => isRecorded(connection, schema, id) && !hasMoment(id));
  return { moments, unrecorded };
}

/**
 * The sessions whose newest event has a higher number than the session's event counter states. opencode would give the
 * next event a number that is already in use.
 */
function countersBehindLog(connection: Connection, { tables }: Schema): CounterBehind[] {
  if (!tables.get("event")?.includes("seq") || !tables.get("event_sequence")?.includes("seq")) return [];
  const rows = connection.all(
    `select * from (select session.id as id, counter.seq as stored, counter.aggregate_id is not null as counted,
       (select max(seq) from event where aggregate_id = session.id) as newest
       from session left join event_sequence as counter on counter.aggregate_id = session.id)
     where coalesce(stored, -1) < newest`,
  );
  return rows.map(({ id, stored, counted, newest }) => ({
    sessionID: String(id),
    stored: counted ? Number(stored) : null,
    newest: Number(newest),
  }));
}

/**
 * Whether opencode finds a migration in its journals, by the rules of the version that uses the database. 1.17 and
 * newer look for the id in the table `migration`, and in an older journal for the migration's name or time. 1.2.27 to
 * 1.15 look only for the name. 1.2.1 to 1.2.20 write no names, and compare the newest time (all measured).
 */
function isRecorded(connection: Connection, schema: Schema, id: string): boolean {
  if (schema.migrations.has(id)) return true;
  const journal = schema.tables.get("__drizzle_migrations");
  if (journal?.includes("created_at") !== true) return false;
  const [, ...digits] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(id) ?? [];
  const [year = 0, month = 1, ...rest] = digits.map(Number);
  const moment = Date.UTC(year, month - 1, ...rest);
  const has = (condition: string, value: string | number) =>
    connection.all(`select 1 from __drizzle_migrations where ${condition} limit 1`, value).length > 0;
  if (!journal.includes("name")) return has("created_at >= ?", moment);
  return has("name = ?", id) || (hasOwnMigrations(schema) && has("created_at = ?", moment));
}

/**
 * The first messages on which the migration session_usage will fail. The migration reads every message with SQLite's
 * JSON functions, and these messages are not JSON for SQLite.
 */
function messagesStopping(connection: Connection): { messageID: string; sessionID: string }[] {
  return connection
    .all("select id, session_id as session from message where typeof(data) = 'blob' or not json_valid(data) limit 20")
    .map((row) => ({ messageID: String(row.id), sessionID: String(row.session) }));
}

function missingFrom(schema: Schema, wanted: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(wanted).flatMap(([table, columns]) =>
    columns.filter((column) => schema.tables.get(table)?.includes(column) === false).map((name) => `${table}.${name}`),
  );
}
