import { textBeginning } from "../records/file-text.ts";
import { closedMessage, closedPart, lostPart } from "../remedies/recover/closed-document.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { utf8Text } from "../stores/sqlite/pages/schema-objects.ts";
import type { Ledger } from "./ledger.ts";
import { isSound, soundID } from "./sound-values.ts";

/**
 * Writes rows that could be read only in part, if no other source had them. A JSON document that is cut off is closed
 * where it ends. Returns the number of such rows for each session; rows of projects are counted under `""`.
 */
export function writeUnfinished(connection: Connection, ledger: Ledger): ReadonlyMap<string, number> {
  const written = new Map<string, number>();
  const count = (session: string, rows: number) => {
    if (rows > 0) written.set(session, (written.get(session) ?? 0) + rows);
  };
  const columnsOf = new Map<string, string[]>();
  for (const { table, rowID, record } of ledger.unfinished()) {
    const columns =
      columnsOf.get(table) ?? connection.all(`pragma table_info("${table}")`).map((row) => String(row.name));
    columnsOf.set(table, columns);
    const value = (name: string) => record.values[columns.indexOf(name)];
    const text = (name: string) => {
      const bytes = value(name);
      return bytes instanceof Uint8Array ? utf8Text(bytes) : null;
    };
    const data = value("data");
    const said = data instanceof Uint8Array ? textBeginning(data) : "";
    const time = (name: string) => Math.trunc(Number(value(name)) || 0);
    const around = { created: time("time_created"), updated: time("time_updated") };
    const kind = table === "part" || table === "message" ? table : "session";
    const id = soundID(text("id")) ?? ledger.idAt(kind, rowID) ?? soundBeginning(text("id"));
    const above = (column: "message_id" | "session_id") =>
      soundID(text(column)) ?? ledger.above(id, column) ?? soundBeginning(text(column));
    const message = above("message_id");
    const session =
      soundID(text("session_id")) ??
      sessionOf(connection, message) ??
      // The row of the message may be lost too. Then only an index can name the session.
      ledger.above(message, "session_id") ??
      above("session_id");
    if (table === "part" && id !== null && message !== null && session !== null) {
      const rows = connection.run(
        "insert or ignore into part (id, message_id, session_id, time_created, time_updated, data) values (?, ?, ?, ?, ?, ?)",
        ...[id, message, session, around.created, around.updated],
        JSON.stringify(closedPart(said, around) ?? lostPart()),
      );
      count(session, rows);
      if (rowID !== null) ledger.took(table, rowID, id);
    } else if (table === "message" && id !== null && session !== null) {
      const rows = connection.run(
        "insert or ignore into message (id, session_id, time_created, time_updated, data) values (?, ?, ?, ?, ?)",
        ...[id, session, around.created, around.updated],
        JSON.stringify(closedMessage(said, around)),
      );
      count(session, rows);
      if (rowID !== null) ledger.took(table, rowID, id);
    } else if (table === "session" || table === "project") {
      count(table === "session" ? (id ?? "") : "", writeListed(connection, table, columns, record));
    }
  }
  return written;
}

function soundBeginning(id: string | null): string | null {
  return /^[\x21-\x7e]+/.exec(id ?? "")?.[0] ?? null;
}

function sessionOf(connection: Connection, messageID: string | null): string | null {
  const [row] = connection.all("select session_id as session from message where id = ?", messageID);
  return typeof row?.session === "string" ? row.session : null;
}

/**
 * Writes the row of a session or project with those values that are valid. If a required value is missing, nothing is
 * written, and the row is rebuilt later.
 */
function writeListed(
  connection: Connection,
  table: string,
  columns: readonly string[],
  { values }: SqliteRecord,
): number {
  const known = columns.flatMap((name, index) => {
    const value = values[index];
    if (value === undefined || value === null || !isSound(table, name, value)) return [];
    return [[name, value instanceof Uint8Array ? utf8Text(value) : value] as const];
  });
  if (known.length === 0) return 0;
  const names = known.map(([name]) => `"${name}"`).join(", ");
  const places = known.map(() => "?").join(", ");
  const bound = known.map(([, value]) => value);
  return connection.run(`insert or ignore into "${table}" (${names}) values (${places})`, ...bound);
}
