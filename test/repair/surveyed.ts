import { Database } from "bun:sqlite";
import { join } from "node:path";
import { adviceFor } from "../../plugin/faults/catalogue.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { locate } from "../../plugin/stores/locate.ts";
import type { HostVersion } from "../host/binary.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

/** What a check finds in a store of a real host, after `change` has changed the store. */
export async function found(version: HostVersion, change: (store: RealStore) => Promise<unknown> | unknown) {
  return (await findings(version, change)).map(({ code, severity, kind, evidence }) => [
    code,
    severity,
    kind,
    evidence,
  ]);
}

/** The advice that a user gets about a store with several databases. */
export async function advised(version: HostVersion, change: (store: RealStore) => Promise<unknown> | unknown) {
  return adviceFor(await findings(version, change), true)["several-databases"];
}

export async function findings(version: HostVersion, change: (store: RealStore) => Promise<unknown> | unknown) {
  const store = await realStore(version);
  await change(store);
  const where = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
  if (!where.ok) throw new Error(where.message);
  const outcome = await check({ files: nodeFileSystem, located: where.located, sessionIDs: [], concurrency: 4 });
  await store.home.remove();
  if (!outcome.ok) throw new Error(String(outcome.unknownSession));
  return outcome.result.findings;
}

export function sql({ dataDir }: RealStore, ...statements: readonly string[]): void {
  using database = new Database(join(dataDir, "opencode.db"));
  database.run("pragma foreign_keys = off");
  for (const statement of statements) database.run(statement);
}

export function rowsOf({ dataDir }: RealStore, table: string): unknown[] {
  using database = new Database(join(dataDir, "opencode.db"), { readonly: true });
  return database.query(`select * from "${table}" order by created_at`).all();
}

/** Deletes every session and all records of sessions. */
export function emptied(store: RealStore): void {
  for (const table of ["part", "message", "todo", "session", "event", "event_sequence"])
    sql(store, `delete from ${table}`);
}
