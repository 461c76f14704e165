import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { columnsIn, journalOf } from "../../plugin/hosts/known-frame.ts";
import { KNOWN_SCHEMAS, type KnownSchema, MOMENTS } from "../../plugin/hosts/known-schema.ts";
import { JOURNALS } from "../../plugin/hosts/store-line.ts";
import { toolFor } from "../host/tool.ts";

const root = mkdtempSync(join(tmpdir(), "opencode-journal-"));
let made = 0;

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Makes a data directory with a database as a host of this schema creates it. */
function databaseOf({ objects, journals }: KnownSchema): { readonly dataDir: string; readonly path: string } {
  made += 1;
  const dataDir = join(root, String(made), "opencode");
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, "opencode.db");
  using database = new Database(path, { create: true });
  for (const type of ["table", "index"]) for (const each of objects) if (each.type === type) database.run(each.sql);
  for (const { table, columns, rows } of journals) {
    const insert = database.prepare(`insert into "${table}" values (${columns.map(() => "?").join(", ")})`);
    for (const row of rows) insert.run(...columns.map((name, at) => row[at] ?? MOMENTS[name]?.() ?? null));
  }
  return { dataDir, path };
}

/** The rows of every table, and the statement that creates the table. */
function image(path: string): Record<string, unknown> {
  using database = new Database(path, { readonly: true });
  const tables = database.query("select name, sql from sqlite_master where type = 'table' order by name").all();
  return Object.fromEntries(
    (tables as { name: string; sql: string }[]).map(({ name, sql }) => [
      name,
      [sql, database.query(`select rowid, * from "${name}" order by rowid`).all()],
    ]),
  );
}

function columnsOf(path: string, table: string): unknown {
  using database = new Database(path, { readonly: true });
  return database.query(`select name, type, "notnull" from pragma_table_info('${table}')`).all();
}

function change(path: string, ...statements: readonly string[]): void {
  using database = new Database(path);
  for (const statement of statements) database.run(statement);
}

/** The keys that a host looks up in its journal. */
function recorded(path: string, table: string, key: string): string[] {
  using database = new Database(path, { readonly: true });
  const rows = database.query(`select cast("${key}" as text) as key from "${table}" order by 1`).all();
  return (rows as { key: string }[]).map((row) => row.key);
}

const DAMAGES: readonly (readonly [name: string, statements: (table: string) => readonly string[]])[] = [
  ["emptied", (table) => [`delete from "${table}"`]],
  ["cut", (table) => [`delete from "${table}" where rowid <> 2`]],
  ["gone", (table) => [`drop table "${table}"`]],
];

describe("the known schemas", () => {
  test("their statements say their columns", () => {
    using database = new Database(":memory:");
    for (const { type, name, sql } of KNOWN_SCHEMAS.flatMap(({ objects }) => objects)) {
      if (type !== "table") continue;
      database.run(sql);
      const columns = database.query(`pragma table_info("${name}")`).all() as { name: string }[];
      expect(columnsIn(sql)).toEqual(columns.map((column) => column.name));
      database.run(`drop table "${name}"`);
    }
  });

  test("no two that look the same have different journals", () => {
    for (const { objects, journals } of KNOWN_SCHEMAS) {
      const tables = objects.filter(({ type }) => type === "table");
      const whole = journalOf({
        tables: new Map(tables.map(({ name, sql }) => [name, columnsIn(sql)])),
        indexes: new Set(objects.filter(({ type }) => type === "index").map(({ name }) => name)),
      });
      const own = JOURNALS.flatMap(({ name }) => journals.find(({ table }) => table === name) ?? [])[0];
      const said = (journal: typeof own | null) =>
        journal?.rows
          .map((row) => String(row.filter((_, at) => journal.columns[at] !== "id" || journal.table === "migration")))
          .sort();
      expect([whole?.table, said(whole)]).toEqual([own?.table, said(own)]);
    }
  });
});

/** One schema for each layout. An upgraded database has the same layout as a new one. */
const LAYOUTS = [...new Map(KNOWN_SCHEMAS.map((each) => [each.hosts[0] ?? "", each])).values()];

describe("a journal that is lost is rebuilt when asked, and undone", () => {
  for (const [index, schema] of LAYOUTS.entries()) {
    const own = JOURNALS.find(({ name }) => schema.journals.some(({ table }) => table === name));
    const [name, statements] = DAMAGES[index % DAMAGES.length] ?? DAMAGES[0] ?? ["", () => []];
    test(`of opencode ${schema.hosts[0]}, ${name}`, async () => {
      const { dataDir, path } = databaseOf(schema);
      const table = own?.name ?? "";
      const columns = schema.journals.find((each) => each.table === table)?.columns ?? [];
      const key = own?.keys.find((each) => columns.includes(each)) ?? "";
      const whole = recorded(path, table, key);
      change(path, ...statements(table));
      const before = image(path);
      const tool = await toolFor(dataDir);
      const { verdict, findings } = await tool.check();
      expect(verdict).toBe("damaged");
      expect(findings.map(({ code, remedy }) => [code, remedy])).toContainEqual(["migration-unrecorded", "recover"]);
      expect((await tool.repairUnasked()).items).toEqual([]);
      expect(image(path)).toEqual(before);

      const { runID, items } = await tool.repair();
      expect(items.map(({ action, kind, recordID }) => [action, kind, recordID])).toEqual([
        ["recovered", "table", table],
      ]);
      expect(recorded(path, table, key)).toEqual(whole);
      expect((await tool.check()).verdict).toBe("healthy");
      await tool.restore(runID ?? "");
      expect(image(path)).toEqual(before);
    });
  }
});

const NEWEST = LAYOUTS.at(-1) as KnownSchema;
const OF_1_14 = LAYOUTS.find(({ hosts }) => hosts.includes("1.14.41")) as KnownSchema;

describe("it is only reported", () => {
  const CASES: readonly (readonly [name: string, schema: KnownSchema, statements: readonly string[]])[] = [
    [
      "where a column is not where its host has it: an upgrade that stopped half way",
      OF_1_14,
      ["delete from __drizzle_migrations", "alter table session add column metadata text"],
    ],
    [
      "where the journal names a migration that is not known",
      OF_1_14,
      [
        "delete from __drizzle_migrations",
        "insert into __drizzle_migrations values (null, '', 1, '20270101000000_other', '')",
      ],
    ],
    [
      "where the journal itself is laid out in another way",
      OF_1_14,
      ["drop table __drizzle_migrations", "create table __drizzle_migrations (id integer primary key, name text)"],
    ],
  ];
  for (const [name, schema, statements] of CASES) {
    test(name, async () => {
      const { dataDir, path } = databaseOf(schema);
      change(path, ...statements);
      const before = image(path);
      const tool = await toolFor(dataDir);
      const found = (await tool.check()).findings.find(({ code }) => code === "migration-unrecorded");
      expect([found?.severity, found?.remedy, found?.replacement]).toEqual(["blocking", "report", null]);
      expect((await tool.repair()).items).toEqual([]);
      expect(image(path)).toEqual(before);
    });
  }
});

test("nothing is said of a journal that has all that its host looks for, in another order and twice", async () => {
  const { dataDir, path } = databaseOf(OF_1_14);
  change(
    path,
    "insert into __drizzle_migrations (hash, created_at, name, applied_at) select hash, created_at, name, applied_at from __drizzle_migrations order by name desc",
  );
  expect((await (await toolFor(dataDir)).check()).findings).toEqual([]);
});

test("what was recorded after a repair is not undone", async () => {
  const { dataDir, path } = databaseOf(OF_1_14);
  change(path, "delete from __drizzle_migrations");
  const tool = await toolFor(dataDir);
  const { runID } = await tool.repair();
  change(path, "insert into __drizzle_migrations values (null, '', 1, '20270101000000_other', '')");
  const before = image(path);
  const { items } = await tool.restore(runID ?? "");
  expect(items.map(({ action, reason }) => [action, reason])).toEqual([["skipped", "the table was changed later"]]);
  expect(image(path)).toEqual(before);
});

describe("an empty table of another build", () => {
  const OTHER = "create table workspace (id text primary key, provider text, binding text, time_created integer)";

  test("becomes the one of its opencode when asked, and is undone", async () => {
    const { dataDir, path } = databaseOf(NEWEST);
    const own = columnsOf(path, "workspace");
    change(path, "drop table workspace", OTHER);
    const before = image(path);
    const tool = await toolFor(dataDir);
    const { verdict, findings } = await tool.check();
    expect(verdict).toBe("healthy");
    expect(findings.map(({ code, severity, remedy }) => [code, severity, remedy])).toEqual([
      ["columns-missing", "warning", "recover"],
    ]);
    expect((await tool.repair()).items).toEqual([]);
    const { runID } = await tool.repair(["columns-missing"]);
    expect(columnsOf(path, "workspace")).toEqual(own);
    expect((await tool.check()).findings).toEqual([]);
    await tool.restore(runID ?? "");
    expect(image(path)).toEqual(before);
  });

  test("stays as it is where it has a row", async () => {
    const { dataDir, path } = databaseOf(NEWEST);
    change(path, "drop table workspace", OTHER, "insert into workspace values ('wrk_1', 'p', 'b', 1)");
    const before = image(path);
    const tool = await toolFor(dataDir);
    const [found] = (await tool.check()).findings;
    expect([found?.code, found?.remedy]).toEqual(["columns-missing", "report"]);
    expect((await tool.repair(["columns-missing"])).items).toEqual([]);
    expect(image(path)).toEqual(before);
  });
});
