import { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HostVersion, isJsonHost } from "../../test/host/binary.ts";
import type { RealStore } from "../../test/host/stored-fixture.ts";
import { randomNumbers } from "./random.ts";
import {
  type GeneratedSession,
  generateSessions,
  type JsonObject,
  type StoreSize,
  type Templates,
} from "./templates.ts";

/** Adds generated sessions to a store. They are made from records that a real opencode wrote into this store. */
export function addSessions(store: RealStore, version: HostVersion, size: StoreSize, seed: number): void {
  const write = isJsonHost(version) ? writeFiles : writeRows;
  write(store, size, seed);
}

const parsed = (text: string): JsonObject => JSON.parse(text) as JsonObject;

function writeFiles(store: RealStore, size: StoreSize, seed: number): void {
  const storage = join(store.dataDir, "storage");
  const records = (kind: string): JsonObject[] =>
    readdirSync(join(storage, kind), { recursive: true })
      .map(String)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => parsed(readFileSync(join(storage, kind, name), "utf8")));
  const templates: Templates = {
    session: firstOf(records("session")),
    messages: records("message"),
    parts: records("part"),
  };
  const write = (path: readonly string[], record: JsonObject) =>
    writeFileSync(`${join(storage, ...path)}.json`, JSON.stringify(record, null, 2));
  for (const session of generateSessions(templates, size, randomNumbers(seed))) {
    write(["session", store.projectID, session.id], session.record);
    mkdirSync(join(storage, "message", session.id));
    for (const { id, record } of session.messages) {
      write(["message", session.id, id], record);
      mkdirSync(join(storage, "part", id));
    }
    for (const { id, messageID, record } of session.parts) write(["part", messageID, id], record);
  }
}

function writeRows(store: RealStore, size: StoreSize, seed: number): void {
  const database = new Database(join(store.dataDir, "opencode.db"));
  try {
    const { templates, insert } = rowsOf(database);
    for (const generated of generateSessions(templates, size, randomNumbers(seed))) insert(generated);
  } finally {
    database.close();
  }
}

/**
 * Reads the rows of a database as templates. Returns the templates, and a function that adds one generated session in
 * one transaction.
 */
export function rowsOf(database: Database) {
  const documents = (table: string): JsonObject[] =>
    database
      .query<{ data: string }, []>(`select data from ${table} order by id`)
      .all()
      .map(({ data }) => parsed(data));
  const session = firstOf(database.query<JsonObject, []>("select * from session order by id").all());
  const templates: Templates = { session, messages: documents("message"), parts: documents("part") };
  const columns = Object.keys(session);
  const insertSession = database.prepare(
    `insert into session (${columns.join(", ")}) values (${columns.map((name) => `$${name}`).join(", ")})`,
  );
  const insertMessage = database.prepare("insert into message values (?, ?, ?, ?, ?)");
  const insertPart = database.prepare("insert into part values (?, ?, ?, ?, ?, ?)");
  let at = 1_760_000_000_000;
  const insert = database.transaction((generated: GeneratedSession) => {
    at += 60_000;
    const row = { ...generated.record, slug: `session-${at}`, time_created: at, time_updated: at };
    insertSession.run(Object.fromEntries(columns.map((name) => [`$${name}`, asValue(row, name)])));
    for (const { id, record } of generated.messages) {
      insertMessage.run(id, generated.id, at, at, dataOf(record));
    }
    for (const { id, messageID, record } of generated.parts) {
      insertPart.run(id, messageID, generated.id, at, at, dataOf(record));
    }
  });
  return { templates, insert };
}

function asValue(row: JsonObject, name: string): string | number | null {
  const value = row[name];
  return typeof value === "string" || typeof value === "number" ? value : null;
}

/** Returns the JSON for the column `data` of a row. The ids are left out, because they have their own columns. */
function dataOf(record: JsonObject): string {
  const { id: _id, sessionID: _session, messageID: _message, ...data } = record;
  return JSON.stringify(data);
}

function firstOf<T>(values: readonly T[]): T {
  const [first] = values;
  if (first === undefined) throw new Error("the store that the templates come from is empty");
  return first;
}
