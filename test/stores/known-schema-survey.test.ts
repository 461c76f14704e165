import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KNOWN_SCHEMAS, type KnownSchema, MOMENTS } from "../../plugin/hosts/known-schema.ts";
import { linesOfDatabase } from "../../plugin/hosts/store-line.ts";
import type { StoreDescription } from "../../plugin/model/store-description.ts";
import { type Connection, loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { readSchema } from "../../plugin/stores/sqlite/schema.ts";
import { surveyDatabase } from "../../plugin/stores/sqlite/sqlite-survey.ts";

const folder = mkdtempSync(join(tmpdir(), "known-schemas-"));
let made = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function databaseOf({ objects, journals }: KnownSchema): Promise<Connection> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("no SQLite");
  made += 1;
  const connection = driver.open(join(folder, `${made}.db`), "create");
  connection.exec("pragma synchronous = off; pragma journal_mode = memory");
  for (const { name, sql } of objects) if (!name.startsWith("sqlite_")) connection.exec(sql);
  for (const { table, columns, rows } of journals) {
    for (const row of rows) {
      const values = row.map((value, index) => value ?? MOMENTS[columns[index] ?? ""]?.() ?? null);
      const places = values.map(() => "?").join(", ");
      connection.all(`insert into "${table}" (${columns.join(", ")}) values (${places})`, ...values);
    }
  }
  return connection;
}

function surveyed(connection: Connection, host: string) {
  const schema = readSchema(connection);
  const lines = linesOfDatabase(schema, null, host);
  const store: StoreDescription = {
    ...{ generation: "sqlite", dataDir: "/data", contract: "strict", hostVersion: host, sessionDiffReader: null },
    lines,
  };
  const { database } = surveyDatabase(connection, schema, store, false);
  return [
    database?.missingColumns,
    [...(database?.missingWrittenColumns ?? []), ...(database?.missingColumnsOfSome ?? [])],
    database?.neverAddedColumns,
    database?.unrecordedMigrations,
  ];
}

test("of no known schema, new or upgraded, anything is called missing, never added or unrecorded", async () => {
  for (const schema of KNOWN_SCHEMAS) {
    const connection = await databaseOf(schema);
    expect([schema.hosts, surveyed(connection, schema.hosts.at(-1) ?? "")]).toEqual([schema.hosts, [[], [], [], []]]);
    connection.close();
  }
});

/** With such a migration, 1.15.3 and 1.18.33 list no session of a database of 1.14.34 (measured). */
test("a migration that is recorded and was not applied is named by what it should have added", async () => {
  const of = KNOWN_SCHEMAS.find(({ hosts }) => hosts.includes("1.14.41"));
  if (of === undefined) throw new Error("a known schema is gone");
  const connection = await databaseOf(of);
  connection.exec(
    "insert into __drizzle_migrations (hash, created_at, name) values ('', 1, '20260510033149_session_usage')",
  );
  expect(surveyed(connection, "1.14.41")).toEqual([[], [], ["session.cost"], []]);
  connection.close();
});
