import { columnPath } from "../hosts/folder-paths.ts";
import type { Connection, SqlValue } from "../stores/sqlite/driver.ts";
import { quoted } from "../stores/sqlite/schema.ts";

/** How many rows were added from a source other than the pages of the damaged database. */
export interface Filled {
  sessions: number;
  messages: number;
  parts: number;
}

/** How opencode's event log stores one kind of record. */
interface Told {
  readonly table: "session" | "message" | "part";
  /** A pattern that matches the types of the events that hold a record of this kind. */
  readonly types: string;
  /** The path of the record inside the JSON of an event. */
  readonly path: string;
}

/**
 * Collects the newest event of every record that is in the log, but has no row. The result is the temporary table
 * `lost`. `number` is the rowid of that event, and `first` the time of the record's first event.
 */
function gatherLost(connection: Connection, { table, types, path }: Told): void {
  connection.exec(`
    create temp table told as
      select json_extract(data, '${path}.id') as record, json_extract(data, '${path}.messageID') as message,
             aggregate_id as session, seq, rowid as number, json_extract(data, '$.time') as time
      from event where type glob '${types}' and json_valid(data) and json_type(data, '${path}') = 'object';
    delete from told where record is null or record in (select id from ${table});
    create index temp.told_record on told (record, seq);
    create temp table lost as select record, session, number, seq, message, (
        select time from told first where first.record = newest.record order by seq limit 1) as first
      from (select record, session, number, message, max(seq) as seq from told group by record) newest;
    delete from lost where exists (select 1 from removed where removed.session = lost.session
      and removed.seq > lost.seq and removed.record in (lost.record, lost.message, lost.session));
    drop table told`);
}

/**
 * Adds sessions, messages and parts whose rows are lost, from opencode's own event log. Existing rows are not changed.
 * A record that a later event removed is not added.
 */
export function fillFromEvents(connection: Connection): Filled {
  const filled: Filled = { sessions: 0, messages: 0, parts: 0 };
  if (!hasTable(connection, "event")) return filled;
  connection.exec(`
    create temp table removed as select aggregate_id as session, seq, case
        when type glob 'message.part.removed.*' then json_extract(data, '$.partID')
        when type glob 'message.removed.*' then json_extract(data, '$.messageID')
        else aggregate_id end as record
      from event where (type glob '*.removed.*' or type glob 'session.deleted.*') and json_valid(data);
    create index temp.removed_session on removed (session, record)`);
  const fill = (told: Told, work: () => number): number => {
    gatherLost(connection, told);
    const count = work();
    connection.exec("drop table temp.lost");
    return count;
  };
  filled.sessions = fill({ table: "session", types: "session.[cu]*", path: "$.info" }, () => fillSessions(connection));
  filled.messages = fill({ table: "message", types: "message.updated.*", path: "$.info" }, () =>
    connection.run(`insert or ignore into message (id, session_id, time_created, time_updated, data)
      select record, session, coalesce(json_extract(data, '$.info.time.created'), 0),
        coalesce(json_extract(data, '$.info.time.completed'), json_extract(data, '$.info.time.created'), 0),
        json_remove(json_extract(data, '$.info'), '$.id', '$.sessionID')
      from lost join event on event.rowid = lost.number`),
  );
  filled.parts = fill({ table: "part", types: "message.part.updated.*", path: "$.part" }, () =>
    connection.run(`insert or ignore into part (id, message_id, session_id, time_created, time_updated, data)
      select record, message, session, coalesce(first, 0), coalesce(json_extract(data, '$.time'), first, 0),
        json_remove(json_extract(data, '$.part'), '$.id', '$.sessionID', '$.messageID')
      from lost join event on event.rowid = lost.number where message is not null`),
  );
  connection.exec("drop table temp.removed");
  return filled;
}

export function hasTable(connection: Connection, name: string): boolean {
  return connection.all("select 1 from sqlite_master where type = 'table' and name = ?", name).length > 0;
}

/**
 * For each column of a session: the path of its value in the JSON of a session, which is the same in events and in
 * files.
 */
const SESSION_PATHS: Readonly<Record<string, string>> = {
  id: "id",
  project_id: "projectID",
  workspace_id: "workspaceID",
  parent_id: "parentID",
  slug: "slug",
  directory: "directory",
  path: "path",
  title: "title",
  version: "version",
  share_url: "share.url",
  summary_additions: "summary.additions",
  summary_deletions: "summary.deletions",
  summary_files: "summary.files",
  summary_diffs: "summary.diffs",
  metadata: "metadata",
  cost: "cost",
  tokens_input: "tokens.input",
  tokens_output: "tokens.output",
  tokens_reasoning: "tokens.reasoning",
  tokens_cache_read: "tokens.cache.read",
  tokens_cache_write: "tokens.cache.write",
  revert: "revert",
  permission: "permission",
  agent: "agent",
  model: "model",
  time_created: "time.created",
  time_updated: "time.updated",
  time_compacting: "time.compacting",
  time_archived: "time.archived",
};

function fillSessions(connection: Connection): number {
  let count = 0;
  for (const { number } of connection.all("select number from temp.lost")) {
    const [row] = connection.all("select cast(data as text) as data from event where rowid = ?", number ?? null);
    const { info } = JSON.parse(String(row?.data)) as { info?: unknown };
    if (insertSession(connection, info)) count += 1;
  }
  return count;
}

/**
 * Adds the row of a session from the JSON in an event or in a file of opencode 1.0-1.1. Returns `false` if the row
 * exists, or if a required value is missing.
 */
export function insertSession(connection: Connection, info: unknown): boolean {
  const columns = connection.all("pragma table_info(session)").map((row) => String(row.name));
  // The table `migration` shows that opencode is 1.17 or newer. These versions store Windows folders with `/`.
  const keepsSlashes = hasTable(connection, "migration");
  const names: string[] = [];
  const values: SqlValue[] = [];
  for (const name of columns) {
    const said = at(info, SESSION_PATHS[name] ?? "");
    const isPath = keepsSlashes && (name === "directory" || name === "path");
    const value = isPath ? columnPath(said, at(info, "directory")) : said;
    if (value === undefined || value === null) continue;
    names.push(quoted(name));
    values.push(typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value));
  }
  if (names.length === 0) return false;
  const places = names.map(() => "?").join(", ");
  return connection.run(`insert or ignore into session (${names.join(", ")}) values (${places})`, ...values) > 0;
}

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inner, name) => {
    return typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[name] : undefined;
  }, value);
}
