import { Database } from "bun:sqlite";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "../host/binary.ts";
import { realStore } from "../host/stored-fixture.ts";
import { Random } from "../oracle/random.ts";

/** A complete database of a real host with many sessions, and a WAL with later writes. */
export interface ManySessions {
  readonly folder: string;
  /** The whole database in one file. */
  readonly database: string;
  /** `earlier` is the database before the last writes. `wal` contains these writes. */
  readonly earlier: string;
  readonly wal: string;
  /**
   * The database after the last writes were copied from the WAL into it. SQLite then started the WAL again, so old
   * frames are behind the new ones.
   */
  readonly restarted: { readonly database: string; readonly wal: string };
  readonly sessionIDs: readonly string[];
  /** The folder of the project to which the sessions belong. */
  readonly project: string;
}

const TABLES = ["session", "message", "part", "todo", "event_sequence", "event", "session_message"];
const ID = /\b(ses|msg|prt|evt)_[A-Za-z0-9]{10,}/g;

/** Copies the sessions of a real host until there are `copies` of each. The copies have texts of different sizes. */
export async function manySessions(version: HostVersion, copies: number, folder: string): Promise<ManySessions> {
  const store = await realStore(version);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const [database, earlier] = [join(folder, "whole.db"), join(folder, "earlier.db")];
  const live = new Database(join(store.dataDir, "opencode.db"));
  live.exec("pragma foreign_keys = off");
  const random = new Random(7);
  const originals = new Map(TABLES.filter((table) => exists(live, table)).map((table) => [table, rowsOf(live, table)]));
  const half = Math.ceil(copies / 2);
  for (let copy = 1; copy < half; copy += 1) multiply(live, originals, copy, random);
  live.exec("pragma wal_checkpoint(truncate); pragma wal_autocheckpoint = 0");
  await copyFile(join(store.dataDir, "opencode.db"), earlier);
  for (let copy = half; copy < copies; copy += 1) multiply(live, originals, copy, random);
  for (const { id } of live.query("select id from part order by id limit 40").all() as { id: string }[]) {
    live.query("update part set time_updated = time_updated + 1 where id = ?").run(id);
  }
  const wal = join(folder, "later.wal");
  await copyFile(join(store.dataDir, "opencode.db-wal"), wal);
  live.exec("pragma wal_checkpoint(restart)");
  live.exec("update part set time_updated = time_updated + 1 where rowid % 9 = 0");
  const restarted = { database: join(folder, "restarted.db"), wal: join(folder, "restarted.wal") };
  await copyFile(join(store.dataDir, "opencode.db"), restarted.database);
  await copyFile(join(store.dataDir, "opencode.db-wal"), restarted.wal);
  live.exec("pragma wal_checkpoint(truncate)");
  await copyFile(join(store.dataDir, "opencode.db"), database);
  const sessionIDs = (live.query("select id from session").all() as { id: string }[]).map(({ id }) => id);
  live.close();
  await store.home.remove();
  return { folder, database, earlier, wal, restarted, sessionIDs, project: store.project };
}

type Row = Record<string, string | number | null>;

function exists(database: Database, table: string): boolean {
  return database.query("select 1 from sqlite_master where name = ?").all(table).length > 0;
}

function rowsOf(database: Database, table: string): Row[] {
  return database.query(`select * from ${table}`).all() as Row[];
}

function multiply(database: Database, originals: ReadonlyMap<string, Row[]>, copy: number, random: Random): void {
  const suffix = copy.toString(36).padStart(3, "0");
  const ids = [...originals.values()].flatMap((rows) => rows.flatMap((row) => [row.id, row.aggregate_id]));
  const copied = copiedIDs(suffix, ids);
  const renamed = (text: string) => text.replace(ID, copied);
  const texts = new Map<string, string>();
  database.transaction(() => {
    for (const [table, rows] of originals) {
      for (const row of rows) {
        if (!isOfOneSession(row)) continue;
        const names = Object.keys(row);
        const values = names.map((name) => {
          const value = row[name] ?? null;
          if (typeof value !== "string") return value;
          const text = renamed(value);
          if (name !== "data" || !(table === "part" || (table === "event" && row.type === "message.part.updated.1"))) {
            return text;
          }
          return longer(text, renamed(String(row.id)), texts, random);
        });
        const places = names.map(() => "?").join(", ");
        database.query(`insert into ${table} (${names.join(", ")}) values (${places})`).run(...values);
      }
    }
  })();
}

/**
 * Gives each id a new one for the copy. An original id may by chance have the same ending, so the function avoids ids
 * that exist.
 */
function copiedIDs(suffix: string, originals: Iterable<unknown>): (id: string) => string {
  const taken = new Set(originals);
  const copies = new Map<string, string>();
  return (id) => {
    const known = copies.get(id);
    if (known !== undefined) return known;
    let beginning = id.slice(0, -suffix.length);
    while (taken.has(beginning + suffix)) beginning = `${beginning.slice(0, -1)}${beginning.endsWith("Z") ? "Y" : "Z"}`;
    copies.set(id, beginning + suffix);
    taken.add(beginning + suffix);
    return beginning + suffix;
  };
}

/** Whether all ids of a row can be renamed. 1.18.33 may keep events that belong to no session. */
function isOfOneSession(row: Row): boolean {
  return [row.id, row.session_id, row.aggregate_id].every(
    (id) => id === undefined || id === null || (typeof id === "string" && new RegExp(`^${ID.source}$`).test(id)),
  );
}

/** Makes some text parts long. A part's row and its events get the same text. */
function longer(data: string, rowID: string, texts: Map<string, string>, random: Random): string {
  const document = JSON.parse(data) as {
    part?: { id: string; type: string; text?: string };
    type?: string;
    text?: string;
  };
  const part = document.part ?? document;
  if (part.type !== "text" || part.text === undefined) return data;
  const id = document.part?.id ?? rowID;
  const known = texts.get(id);
  const length = known === undefined && random.below(3) === 0 ? random.below(40_000) : random.below(300);
  const text = known ?? `${part.text} ${sentence(random, length)}`;
  texts.set(id, text);
  part.text = text;
  return JSON.stringify(document);
}

function sentence(random: Random, length: number): string {
  let text = "";
  while (text.length < length) text += `${random.below(1e9).toString(36)} `;
  return text;
}
