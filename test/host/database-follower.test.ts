import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseFollower } from "../../plugin/opencode/database-follower.ts";
import { ValidatedMemory } from "../../plugin/opencode/validated-memory.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { sampleContent } from "../stores/content.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

/** A file that is older than this gets a new time at the next write. The value is in milliseconds. */
const SETTLED_MS = 2100;

async function followed() {
  const fixture = await createSqliteStore("1.18.33", sampleContent());
  const database = String(fixture.database);
  const host = new Database(database);
  host.run("pragma journal_mode = wal");
  const touch = () => host.run("update part set time_updated = time_updated + 1 where id = 'prt_a1_1'");
  touch();
  const located = { dataDir: fixture.dataDir, json: "none" as const, databases: [database] };
  const [opened] = await openStores(nodeFileSystem, located, "beside-host");
  if (opened?.state !== "ok" || opened.store.changedRows === null) throw new Error("not opened");
  const { store } = opened;
  return {
    host,
    touch,
    follower: new DatabaseFollower(opened.store.changedRows, database),
    memory: new ValidatedMemory(fixture.dataDir, null),
    rowID: String(host.query<{ rowid: number }, []>("select rowid from part where id = 'prt_a1_1'").get()?.rowid),
    [Symbol.dispose]() {
      store.close();
      host.close();
      fixture.remove();
    },
  };
}

test.concurrent("the first write after a quiet time is known by its rows: a large database is not looked at as a whole", async () => {
  using it = await followed();
  it.follower.begin();
  expect(await it.follower.settle()).toBe(true);
  await sleep(SETTLED_MS);
  expect(it.follower.remember(it.memory)).toBe(true);
  // This write starts the WAL again, and nothing of its earlier content is left.
  it.touch();
  expect(it.follower.news()).toContain(it.rowID);
  it.touch();
  expect(it.follower.news()).toContain(it.rowID);
  // After two truncations of the WAL, the follower has missed a write. That write is only in the database file.
  it.touch();
  it.host.run("pragma wal_checkpoint(truncate)");
  it.touch();
  it.host.run("pragma wal_checkpoint(truncate)");
  it.touch();
  expect(it.follower.news()).toBe("lost");
});

test.concurrent("a log that was empty and is empty again proves nothing", async () => {
  using it = await followed();
  it.host.run("pragma wal_checkpoint(truncate)");
  await sleep(SETTLED_MS);
  it.follower.begin();
  it.touch();
  expect(it.follower.news()).toContain(it.rowID);
  it.host.run("pragma wal_checkpoint(truncate)");
  it.follower.begin();
  it.touch();
  it.host.run("pragma wal_checkpoint(truncate)");
  expect(it.follower.news()).toBe("lost");
});
