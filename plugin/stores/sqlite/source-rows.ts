import { LARGEST_LOADED_BYTES } from "../../model/artifact.ts";
import { parseDocument } from "../conversation.ts";
import type { SourcePart, SourceRecord, SourceSession } from "../source-session.ts";
import { byteLength, type Connection, type SqlRow, type SqlValue } from "./driver.ts";
import { readRowValues, selectRowValues } from "./row-values.ts";
import { quoted, type Schema } from "./schema.ts";

/** The ids of all sessions, in the order in which the import of opencode 2.x reads them. */
export function sourceSessionIDs(connection: Connection): string[] {
  return connection.all("select id from session order by id desc").map(({ id }) => String(id));
}

/** The data of one session that the import of opencode 2.x reads; `null` if the session has no row. */
export function readSourceSession(connection: Connection, schema: Schema, id: string): SourceSession | null {
  const jsonColumns = schema.jsonColumns.filter(({ table }) => table === "session").map(({ column }) => column);
  const columns = (schema.tables.get("session") ?? []).filter((column) => !jsonColumns.includes(column));
  const [row] = connection.all(`select ${selectRowValues(columns).join(", ")} from session where id = ?`, id);
  if (row === undefined) return null;
  const values = readRowValues(columns, row);
  const json = new Map(
    jsonColumns.flatMap((column) => {
      const [cell] = connection.all(`select ${document(column)} from session where id = ?`, id);
      return cell === undefined || cell.storage === "null" ? [] : [[column, parsedOf(cell)] as const];
    }),
  );
  const [project] = connection.all("select 1 as found from project where id = ?", projectOf(values.project_id));
  const messages = connection.all(`select id, ${RECORD} from message where session_id = ?`, id);
  const parts = connection.all(
    `select id, message_id, exists (select 1 from message where message.id = part.message_id) as found, ${RECORD}
     from part where rowid in (select rowid from part where session_id = ? union
       select rowid from part where message_id in (select id from message where session_id = ?))`,
    id,
    id,
  );
  return {
    id,
    row: values,
    json,
    hasProject: project !== undefined,
    isBeforeUsage: !columns.includes("cost"),
    messages: messages.map((message) => recordOf(message, String(message.id))),
    parts: parts.map(
      (part): SourcePart => ({ ...recordOf(part, String(part.message_id)), hasMessage: part.found === 1 }),
    ),
  };
}

function projectOf(value: unknown): SqlValue {
  return typeof value === "string" || typeof value === "number" ? value : null;
}

/** The SQL that selects a JSON value: its storage class, its size, and its bytes if they fit in memory. */
function document(column: string): string {
  const name = quoted(column);
  return `typeof(${name}) as storage, ${byteLength(name)} as size,
    case when ${byteLength(name)} <= ${LARGEST_LOADED_BYTES} then cast(${name} as blob) end as bytes`;
}

const RECORD = `session_id, ${document("data")}, ${selectRowValues(["time_created", "time_updated"]).join(", ")}`;

function recordOf(row: SqlRow, messageID: string): SourceRecord {
  const times = readRowValues(["time_created", "time_updated"], row);
  const bytes = Number(row.size ?? 0);
  return {
    id: String(row.id),
    messageID,
    sessionID: String(row.session_id),
    created: times.time_created,
    updated: times.time_updated,
    document: bytes > LARGEST_LOADED_BYTES ? null : parsedOf(row),
    storage: row.storage === "blob" ? "blob" : "text",
    bytes,
  };
}

function parsedOf({ storage, bytes }: SqlRow) {
  const held = bytes instanceof Uint8Array ? Buffer.from(bytes) : Buffer.alloc(0);
  return parseDocument({ bytes: held, storage: storage === "blob" ? "blob" : "text" });
}
