import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Connection, SqlRow, SqlValue } from "../../plugin/stores/sqlite/driver.ts";
import { withKnownShape } from "../../plugin/stores/sqlite/known-shape.ts";
import { readSchema } from "../../plugin/stores/sqlite/schema.ts";

const SCHEMA = readFileSync(join(import.meta.dirname, "..", "fixtures", "schema-1.18.33.sql"), "utf8");

/** What may be written to a database of 1.18.33 after another opencode has run these statements on it. */
function writable(statements: string): string | undefined {
  using database = new Database(":memory:");
  database.exec(`${SCHEMA}; ${statements}`);
  const connection = { all: (sql: string, ...values: SqlValue[]) => database.query(sql).all(...values) as SqlRow[] };
  const schema = readSchema(connection as Connection);
  return withKnownShape(schema.origin, connection as Connection, schema).writable;
}

const NEWER = "insert into migration values ('20270101000000_from_the_future', 1)";
const OF_2X = `insert into migration values ('20260804233008_loose_psylocke', 1);
  create table session_v2 (id text primary key, project_id text, directory text)`;

test.each([
  ["2.x as it is known", OF_2X, "all"],
  ["2.x with a migration that is not", `${OF_2X}; ${NEWER}`, "unreadable"],
  ["a newer 1.x", NEWER, "unreadable"],
  ["more columns that may be empty", `${NEWER}; alter table part add column note text`, "unreadable"],
  ["more columns with a default", `${NEWER}; alter table part add column n integer not null default 0`, "unreadable"],
  ["a table of its own", `${NEWER}; create table tag (id text primary key, session_id text)`, "unreadable"],
  [
    "a table that points at messages and loses nothing",
    `${NEWER}; create table tag (m text references message(id))`,
    "unreadable",
  ],
  [
    "a column that must be given a value",
    `${NEWER}; drop table todo; create table todo (session_id text, content text,
    status text, priority text, position integer, time_created integer, time_updated integer, kind text not null)`,
    undefined,
  ],
  [
    "a column that is computed",
    `${NEWER}; alter table part add column n integer generated always as (length(data))`,
    undefined,
  ],
  ["a column less", `${NEWER}; alter table message rename column time_updated to changed`, undefined],
  ["a table less", `${NEWER}; drop table todo`, undefined],
  ["a trigger", `${NEWER}; create trigger t after delete on part begin select 1; end`, undefined],
  [
    "a table that loses rows with a message",
    `${NEWER}; create table tag (m text references message(id) on delete cascade)`,
    undefined,
  ],
  [
    "a table whose rows forget their part",
    `${NEWER}; create table tag (p text references part(id) on delete set null)`,
    undefined,
  ],
  [
    "a table whose rows follow the id of a message",
    `${NEWER}; create table tag (m text references message(id) on update cascade)`,
    undefined,
  ],
  ["1.18.33 itself needs no proof", "select 1", undefined],
] as const)("%s", (_name, statements, expected) => {
  expect(writable(statements)).toBe(expected);
});
