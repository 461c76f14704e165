import type { RowValues } from "../../model/artifact.ts";
import { LARGEST_LOADED_BYTES, LONG_BYTES } from "../../model/artifact.ts";
import type { LongDocument } from "../../records/long-document.ts";
import {
  type ProjectFacts,
  SALVAGED_SLUG,
  type SessionColumns,
  type SessionFacts,
  type StoredDocument,
  type StoredMessage,
  unknownSession,
} from "../conversation.ts";
import { byteLength, type Connection, type SqlRow, type SqlValue } from "./driver.ts";
import { readRowValues, selectRowValues } from "./row-values.ts";
import { newestFirst, quoted, type Schema } from "./schema.ts";

/** Reads a document in pieces; `null` if it must be read as a whole. */
type ReadAsLong = (connection: Connection, table: string, id: string, bytes: number) => LongDocument | null;

const documentColumns = (
  most = LARGEST_LOADED_BYTES,
) => `typeof(data) as storage, ${byteLength("data")} as size, cast(time_created as real) as time, cast(time_updated as real) as updated,
  case when ${byteLength("data")} <= ${most} then cast(data as blob) end as bytes`;

/** The messages of a session by time and id, as opencode 1.2-1.18 orders them. Parts without a message are last. */
export function* readRowMessages(
  connection: Connection,
  sessionID: string,
  asLong: ReadAsLong | null,
): Iterable<StoredMessage> {
  const columns = documentColumns(asLong === null ? LARGEST_LOADED_BYTES : LONG_BYTES);
  const documentOf = (table: "message" | "part", row: SqlRow): StoredDocument => {
    const document = documentIn(table, row);
    const { recordID, size, bytes } = document;
    if (asLong === null || bytes !== null || size > LARGEST_LOADED_BYTES) return document;
    const long = document.storage === "text" ? asLong(connection, table, recordID, size) : null;
    if (long !== null) return { ...document, long };
    const whole = connection.all(`select id, ${documentColumns()} from ${table} where id = ?`, recordID)[0];
    return whole === undefined ? document : documentIn(table, whole);
  };
  const ids = connection.all("select id from message where session_id = ? order by time_created, id", sessionID);
  for (const { id } of ids) {
    const messageID = String(id);
    const row = connection.all(`select id, ${columns} from message where id = ?`, messageID)[0];
    const parts = connection.all(`select id, ${columns} from part where message_id = ? order by id`, messageID);
    yield {
      messageID,
      document: row === undefined ? null : documentOf("message", row),
      parts: parts.map((part) => documentOf("part", part)),
    };
  }
  const orphaned = connection.all(
    `select distinct message_id as id from part
     where session_id = ? and message_id not in (select id from message) order by message_id`,
    sessionID,
  );
  for (const { id } of orphaned) {
    const messageID = String(id);
    const parts = connection.all(
      `select id, ${columns} from part where message_id = ? and session_id = ? order by id`,
      messageID,
      sessionID,
    );
    yield { messageID, document: null, parts: parts.map((part) => documentOf("part", part)) };
  }
}

function documentIn(table: "message" | "part", row: SqlRow): StoredDocument {
  const id = String(row.id);
  const size = Number(row.size ?? 0);
  const bytes = row.bytes instanceof Uint8Array ? sameBytes(row.bytes) : null;
  return {
    recordID: id,
    locator: { table, key: { id } },
    storage: row.storage === "blob" ? "blob" : "text",
    size,
    bytes: size === 0 ? Buffer.alloc(0) : bytes,
    timeMs: numberOf(row.time),
    updatedMs: numberOf(row.updated),
  };
}

/** A Buffer that uses the same memory. The bytes are not copied, because a value may have tens of megabytes. */
function sameBytes({ buffer, byteOffset, byteLength: length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** What the rows of sessions say about them. Sessions that only messages or parts name are included. */
export function readRowFacts(connection: Connection, schema: Schema): SessionFacts[] {
  const rows = connection.all(`${selectFacts(schema)} order by ${newestFirst(schema)}`);
  const orphaned = connection.all(
    `select session_id as id from message where session_id not in (select id from session)
     union select session_id from part where session_id not in (select id from session)`,
  );
  return [...rows.map(factsOf), ...orphaned.map(({ id }) => unknownSession(String(id)))];
}

/**
 * What the database says about one session; `null` if no row names the session. The row is looked up by an index. A
 * damaged index may hide a row, so a row that is not found is searched again without the index. The second search is
 * fast, because there are few sessions.
 */
export function readFactsOf(connection: Connection, schema: Schema, sessionID: string): SessionFacts | null {
  const select = selectFacts(schema);
  const row =
    connection.all(`${select} where id = ?`, sessionID)[0] ??
    connection.all(`${select} not indexed where id = ?`, sessionID)[0];
  if (row !== undefined) return factsOf(row);
  const isNamed = ["message", "part"].some(
    (table) => connection.all(`select 1 from ${table} where session_id = ? limit 1`, sessionID).length > 0,
  );
  return isNamed ? unknownSession(sessionID) : null;
}

function selectFacts(schema: Schema): string {
  const known = schema.tables.get("session") ?? [];
  const text = (name: string) => (known.includes(name) ? `cast(${name} as text)` : "null");
  const number = (name: string) => (known.includes(name) ? `cast(${name} as real)` : "null");
  return `select id, ${text("project_id")} as project, ${text("parent_id")} as parent, ${text("title")} as title,
       ${text("directory")} as directory${known.includes("path") ? `, ${text("path")} as path` : ""},
       ${text("version")} as version, ${text("slug")} as slug, ${number("time_created")} as created,
       ${number("time_updated")} as updated, ${number("time_archived")} as archived
     from session`;
}

function factsOf(row: SqlRow): SessionFacts {
  return {
    id: String(row.id),
    projectID: textOf(row.project),
    parentID: textOf(row.parent),
    title: textOf(row.title),
    directory: textOf(row.directory),
    ...("path" in row ? { path: textOf(row.path) } : {}),
    version: textOf(row.version),
    isSalvaged: row.slug === SALVAGED_SLUG,
    createdMs: numberOf(row.created),
    updatedMs: numberOf(row.updated),
    archivedMs: numberOf(row.archived),
    hasRecord: true,
  };
}

function textOf(value: SqlValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: SqlValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** The rows that belong to a session, without its messages and parts. */
export function readSessionColumns(connection: Connection, schema: Schema, sessionID: string): SessionColumns {
  const rows = (table: string, column: string, key: string): RowValues[] => {
    const columns = schema.tables.get(table);
    if (columns === undefined) return [];
    const sql = `select ${selectRowValues(columns).join(", ")} from ${quoted(table)} where ${quoted(column)} = ?`;
    return connection.all(sql, key).map((row) => readRowValues(columns, row));
  };
  const session = rows("session", "id", sessionID)[0] ?? null;
  return {
    session,
    project: typeof session?.project_id === "string" ? (rows("project", "id", session.project_id)[0] ?? null) : null,
    todos: rows("todo", "session_id", sessionID),
    share: rows("session_share", "session_id", sessionID)[0] ?? null,
  };
}

export function readProjectFacts(connection: Connection, schema: Schema): ProjectFacts[] {
  const directories = schema.tables.has("project_directory")
    ? connection.all(
        `select project_id as project, cast(directory as text) as directory, cast(time_created as real) as created
         from project_directory order by time_created, directory`,
      )
    : [];
  return connection
    .all(
      `select id, worktree, cast(sandboxes as text) as sandboxes, cast(time_updated as real) as updated
       from project order by time_updated desc`,
    )
    .map((row) => ({
      id: String(row.id),
      worktree: String(row.worktree),
      sandboxes: textList(textOf(row.sandboxes)),
      updatedMs: numberOf(row.updated),
      directories: directories
        .filter(({ project }) => project === row.id)
        .map(({ directory, created }) => ({ directory: String(directory), createdMs: numberOf(created) })),
    }));
}

/** The texts in a JSON list; empty if there is no such list. */
export function textList(json: string | null): string[] {
  try {
    const value: unknown = JSON.parse(json ?? "[]");
    return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
