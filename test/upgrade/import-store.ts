import type { Connection } from "../../plugin/stores/sqlite/driver.ts";
import { createSqliteStore, type SqliteStoreUnderTest } from "../stores/sqlite-fixture.ts";
import type { ImportCase } from "./import-cases.ts";
import { baseRows, type Rows } from "./import-rows.ts";

/** Adds the name of a case to each id, so that the ids of different cases differ. */
export function named<T>(value: T, name: string): T {
  const text = JSON.stringify(value)
    .replace(/\b(ses|msg|prt)_(?=[a-z0-9])/g, `$1_${name}_`)
    .replace(/\bmsgX\b/g, `msgX${name}`)
    .replace(/openmemory-context-1/g, `openmemory-${name}`);
  return JSON.parse(text) as T;
}

export function insertRow(connection: Connection, table: string, row: Rows["session"]): void {
  const names = Object.keys(row);
  const places = names.map(() => "?").join(", ");
  connection.run(`insert into ${table} (${names.join(", ")}) values (${places})`, ...Object.values(row));
}

/** A database with one session for each case. */
export async function storeOf(cases: readonly ImportCase[]): Promise<SqliteStoreUnderTest> {
  const store = await createSqliteStore("1.18.33", { projects: ["prj_1"], sessions: [] });
  const connection = store.connect();
  connection.exec("pragma foreign_keys = off");
  for (const [index, each] of cases.entries()) {
    const rows = baseRows();
    each.change(rows);
    const { session, messages, parts } = named(rows, caseName(index));
    insertRow(connection, "session", { ...session, project_id: "prj_1" });
    for (const row of messages) insertRow(connection, "message", row);
    for (const row of parts) insertRow(connection, "part", row);
  }
  connection.close();
  return store;
}

export function caseName(index: number): string {
  return `c${String(index).padStart(2, "0")}`;
}
