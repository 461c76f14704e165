import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { sampleContent } from "./content.ts";
import { createSqliteStore, type SqliteStoreUnderTest } from "./sqlite-fixture.ts";
import { located } from "./store-under-test.ts";

let store: SqliteStoreUnderTest;

beforeEach(async () => {
  store = await createSqliteStore("1.18.33", sampleContent());
  mkdirSync(join(store.dataDir, "other"));
});

afterEach(() => store.remove());

async function problem(): Promise<string | null> {
  const [opened] = await openStores(nodeFileSystem, await located(nodeFileSystem, store.dataDir), "outside");
  if (opened?.state !== "ok") return `${opened?.problem.code}: ${opened?.problem.evidence}`;
  opened.store.close();
  return null;
}

const inOther = (name: string) => join(store.dataDir, "other", name);

test("a link in the place of the database that leads nowhere, to itself, or to a file that is gone", async () => {
  renameSync(store.database, inOther("kept"));
  for (const [target, said] of [
    ["/nowhere/opencode.db", "database-is-folder: opencode.db: a dead link"],
    ["opencode.db", "database-is-folder: opencode.db: a dead link"],
    // At this path, opencode 1.3.2 and 1.18.34 make a new database without sessions.
    ["other/new.db", "database-empty: a link to a file that does not exist"],
    ["other/kept", null],
  ] as const) {
    symlinkSync(target, store.database);
    expect([target, await problem()]).toEqual([target, said]);
    rmSync(store.database);
  }
});

test.if(process.platform !== "win32")("SQLite opens no link as a -wal or -shm, whatever it leads to", async () => {
  writeFileSync(inOther("empty"), "");
  for (const suffix of ["-wal", "-shm"]) {
    for (const target of ["/nowhere/x", "other/new", "other/empty", `opencode.db${suffix}`]) {
      symlinkSync(target, store.database + suffix);
      expect(await problem()).toBe(`database-is-folder: opencode.db${suffix}: a link`);
      rmSync(store.database + suffix);
    }
  }
});

test.if(process.platform !== "win32")("a -journal is opened only if there is content", async () => {
  writeFileSync(inOther("empty"), "");
  writeFileSync(inOther("full"), "x");
  const journal = `${store.database}-journal`;
  for (const [target, said] of [
    ["/nowhere/x", null],
    ["other/empty", null],
    ["other/full", "database-is-folder: opencode.db-journal: a link"],
  ] as const) {
    symlinkSync(target, journal);
    expect([target, await problem()]).toEqual([target, said]);
    rmSync(journal);
  }
  mkdirSync(journal);
  expect(await problem()).toBe("database-is-folder: opencode.db-journal: a folder");
});

test("of a database that is a link, the side files are beside its target", async () => {
  renameSync(store.database, inOther("opencode.db"));
  for (const suffix of ["", "-wal", "-shm"]) symlinkSync(`other/opencode.db${suffix}`, store.database + suffix);
  expect(await problem()).toBeNull();
  mkdirSync(inOther("opencode.db-wal"));
  expect(await problem()).toBe("database-is-folder: opencode.db-wal: a folder");
});

test("a database without a column by which records belong together says so", async () => {
  const change = (sql: string) => {
    const connection = store.connect();
    connection.exec(sql);
    connection.close();
  };
  // Sessions can be read without these two columns.
  for (const column of ["project_id", "workspace_id"]) {
    change(`alter table session rename column ${column} to lost`);
    expect(await problem()).toBeNull();
    change(`alter table session rename column lost to ${column}`);
  }
  change("alter table part rename column session_id to lost");
  expect(await problem()).toBe("tables-missing: without part.session_id");
});
