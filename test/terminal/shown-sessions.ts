import { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonHost } from "../host/binary.ts";
import type { RealStore } from "../host/stored-fixture.ts";

/**
 * The turns between the first question and the last words of a session. They are texts of JSON documents without ids.
 */
export interface SessionToShow {
  readonly id: string;
  readonly turns: readonly Turn[];
}

export interface Turn {
  /** The text of the message. `null` means a question or an answer as the host wrote it. */
  readonly message: string | null;
  readonly isInAnswer: boolean;
  readonly parts: readonly string[];
}

interface Written {
  readonly sessionID: string;
  readonly messages: readonly (readonly [id: string, text: string])[];
  readonly parts: readonly (readonly [id: string, messageID: string, text: string])[];
}

/** The text in the last part of a session. */
export function lastWordsOf(id: string): string {
  return `The last words of ${id}.`;
}

/** Adds sessions to a store. Returns the id of each new session by its name. */
export function writeSessions(store: RealStore, sessions: readonly SessionToShow[]): Map<string, string> {
  const [asked, answered] = readTurn(store);
  const all = sessions.map((session) => written(session, asked ?? "", answered ?? ""));
  if (isJsonHost(store.home.version)) writeFiles(store, all);
  else writeRows(store, all);
  return new Map(sessions.map(({ id }, index) => [id, all[index]?.sessionID ?? ""]));
}

function written({ id, turns }: SessionToShow, asked: string, answered: string): Written {
  const of = (index: number) => `msg_zz${id}_${String(index).padStart(4, "0")}`;
  const texts = turns.map(({ message, isInAnswer }) => message ?? (isInAnswer ? answered : asked));
  // The last message is a question, because a question does not change how the screen shows the answers before it.
  const words = JSON.stringify({ type: "text", text: lastWordsOf(id) });
  return {
    sessionID: `ses_zz${id}`,
    messages: [asked, ...texts, asked].map((text, index) => [of(index), text]),
    parts: [
      ...turns.flatMap(({ parts }, turn) =>
        parts.map((text, index) => [`prt_zz${id}_${turn}_${index}`, of(turn + 1), text] as const),
      ),
      [`prt_zz${id}_zzz`, of(turns.length + 1), words],
    ],
  };
}

/** The question and the answer of a session of the host, without their ids. */
function readTurn({ dataDir, home, sessions: { plain } }: RealStore): string[] {
  if (isJsonHost(home.version)) {
    const folder = join(dataDir, "storage/message", plain.id);
    return plain.messages.map(({ id }) => {
      const { id: _id, sessionID: _of, ...rest } = JSON.parse(readFileSync(join(folder, `${id}.json`), "utf8"));
      return JSON.stringify(rest);
    });
  }
  using database = new Database(join(dataDir, "opencode.db"));
  const query = database.query<{ data: string }, [string]>("select data from message where id = ?");
  return plain.messages.map(({ id }) => query.get(id)?.data ?? "");
}

function writeFiles({ dataDir, home, sessions: { plain } }: RealStore, all: readonly Written[]): void {
  const storage = join(dataDir, "storage");
  const project = readdirSync(join(storage, "session")).find((name) =>
    readdirSync(join(storage, "session", name)).includes(`${plain.id}.json`),
  );
  const path = join(storage, "session", project ?? "", `${plain.id}.json`);
  const session = JSON.parse(readFileSync(path, "utf8"));
  for (const { sessionID, messages, parts } of all) {
    // A newer version wrote the store of the oldest versions (`writerFor`), so each session gets the version of the
    // host.
    const own = { ...session, version: home.version, id: sessionID, slug: sessionID, title: sessionID };
    writeFileSync(path.replace(plain.id, sessionID), JSON.stringify(own));
    const folder = join(storage, "message", sessionID);
    mkdirSync(folder, { recursive: true });
    for (const [id, text] of messages) writeFileSync(join(folder, `${id}.json`), withIDs(text, { id, sessionID }));
    for (const [id, messageID, text] of parts) {
      const ofMessage = join(storage, "part", messageID);
      mkdirSync(ofMessage, { recursive: true });
      writeFileSync(join(ofMessage, `${id}.json`), withIDs(text, { id, sessionID, messageID }));
    }
  }
}

/**
 * Adds ids to the text of a document. The text is not parsed, because it may contain numbers that JavaScript cannot
 * represent.
 */
function withIDs(text: string, ids: Readonly<Record<string, string>>): string {
  return `${JSON.stringify(ids).slice(0, -1)}${text.trim() === "{}" ? "" : ","}${text.slice(1)}`;
}

function writeRows({ dataDir, sessions: { plain } }: RealStore, all: readonly Written[]): void {
  using database = new Database(join(dataDir, "opencode.db"));
  database.run("pragma foreign_keys = off");
  const columns = database
    .query<{ name: string }, []>("pragma table_info(session)")
    .all()
    .map(({ name }) => name);
  const own = columns.map((name) => (["id", "slug", "title"].includes(name) ? "?1" : name));
  const session = database.query(
    `insert into session (${columns.join(", ")}) select ${own.join(", ")} from session where id = ?2`,
  );
  const row = "values (?1, ?2, ?3, ?3, ?4)";
  const message = database.query(`insert into message (id, session_id, time_created, time_updated, data) ${row}`);
  const part = database.query("insert into part values (?1, ?2, ?3, 1, 1, ?4)");
  database.transaction(() => {
    for (const { sessionID, messages, parts } of all) {
      session.run(sessionID, plain.id);
      for (const [index, [id, text]] of messages.entries()) message.run(id, sessionID, 1_790_000_000_000 + index, text);
      for (const [id, messageID, text] of parts) part.run(id, messageID, sessionID, text);
    }
  })();
}
