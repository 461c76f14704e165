import { join } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { STORAGE } from "../stores/json/layout.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import { type Filled, insertSession } from "./fill-from-events.ts";
import type { Ledger } from "./ledger.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Adds lost rows from the JSON files of opencode 1.0-1.1 from which the database was once imported. A record is added
 * only if an index or another record mentions it. So a record that a user deleted after the import does not come back.
 */
export async function fillFromFiles(
  files: FileSystem,
  dataDir: string,
  connection: Connection,
  ledger: Ledger,
): Promise<Filled> {
  const filled: Filled = { sessions: 0, messages: 0, parts: 0 };
  const storage = join(dataDir, STORAGE);
  const ids = (sql: string) => new Set(connection.all(sql).map((row) => String(row.id)));
  const isWanted = (id: string, present: ReadonlySet<string>, named: ReadonlySet<string>) =>
    !present.has(id) && (named.has(id) || ledger.isExpected(id));
  const sessions = ids("select id from session");
  const namedSessions = ids("select distinct session_id as id from message");
  for (const project of await names(files, join(storage, "session"))) {
    for (const name of await names(files, join(storage, "session", project))) {
      if (!isWanted(idOf(name), sessions, namedSessions)) continue;
      const info = await document(files, join(storage, "session", project, name));
      if (info !== null && insertSession(connection, info)) filled.sessions += 1;
    }
  }
  const messages = ids("select id from message");
  const namedMessages = ids("select distinct message_id as id from part");
  for (const session of await names(files, join(storage, "message"))) {
    for (const name of await names(files, join(storage, "message", session))) {
      if (!isWanted(idOf(name), messages, namedMessages)) continue;
      const found = await document(files, join(storage, "message", session, name));
      if (found === null) continue;
      const { id: _, sessionID: __, ...data } = found;
      filled.messages += insert(connection, "message", [idOf(name), session], timeOf(found), data);
    }
  }
  const parts = new Set<string>();
  for (const message of await names(files, join(storage, "part"))) {
    const present = connection.all("select session_id as session from message where id = ?", message)[0];
    if (present === undefined) continue;
    for (const { id } of connection.all("select id from part where message_id = ?", message)) parts.add(String(id));
    for (const name of await names(files, join(storage, "part", message))) {
      if (!isWanted(idOf(name), parts, new Set())) continue;
      const found = await document(files, join(storage, "part", message, name));
      if (found === null) continue;
      const { id: _, sessionID: __, messageID: ___, ...data } = found;
      filled.parts += insert(connection, "part", [idOf(name), message, String(present.session)], timeOf(found), data);
    }
    parts.clear();
  }
  return filled;
}

function insert(connection: Connection, table: string, keys: readonly string[], time: number, data: Fields): number {
  const columns = table === "part" ? "id, message_id, session_id" : "id, session_id";
  return connection.run(
    `insert or ignore into ${table} (${columns}, time_created, time_updated, data)
     values (${keys.map(() => "?").join(", ")}, ?, ?, ?)`,
    ...keys,
    time,
    time,
    JSON.stringify(data),
  );
}

function timeOf({ time }: Fields): number {
  if (typeof time !== "object" || time === null) return 0;
  const [first] = Object.values(time).filter((value) => typeof value === "number");
  return first ?? 0;
}

async function names(files: FileSystem, folder: string): Promise<string[]> {
  return ((await files.list(folder)) ?? []).map((entry) => entry.name);
}

function idOf(name: string): string {
  return name.replace(/\.json$/, "");
}

const LARGEST_FILE = 64 * 1024 * 1024;

async function document(files: FileSystem, path: string): Promise<Fields | null> {
  const bytes = await files.read(path, LARGEST_FILE);
  if (bytes === "absent" || bytes === "too-large") return null;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}
