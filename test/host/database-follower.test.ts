import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeFileSystem } from "../../plugin/files/file-system.ts";
import { DatabaseFollower } from "../../plugin/host/database-follower.ts";
import { ValidatedMemory } from "../../plugin/host/validated-memory.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { SqliteStore } from "../../plugin/stores/sqlite/sqlite-store.ts";
import { sampleContent } from "../stores/content.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

/** A later write surely gives a file that is so old another time, in milliseconds. */
const SETTLED_MS = 2100;

async function follow(dataDir: string, database: string) {
  const located = { dataDir, json: "none" as const, databases: [database] };
  const [opened] = await openStores(nodeFileSystem, located, "beside-host");
  if (opened?.state !== "ok" || !(opened.store instanceof SqliteStore)) throw new Error("not opened");
  return { store: opened.store, follower: new DatabaseFollower(opened.store) };
}

test("the first write after a quiet time is known by its rows: a large database is not looked at as a whole", async () => {
  const fixture = await createSqliteStore("1.18.33", sampleContent());
  const database = String(fixture.database);
  using host = new Database(database);
  host.run("pragma journal_mode = wal");
  const touch = () => host.run("update part set time_updated = time_updated + 1 where id = 'prt_a1_1'");
  touch();
  const { store, follower } = await follow(fixture.dataDir, database);
  const memory = new ValidatedMemory(fixture.dataDir, null);
  const rowID = String(host.query<{ rowid: number }, []>("select rowid from part where id = 'prt_a1_1'").get()?.rowid);
  try {
    follower.begin();
    expect(await follower.settle()).toBe(true);
    await sleep(SETTLED_MS);
    expect(follower.remember(memory)).toBe(true);
    // The log begins anew, and nothing of what it held is left.
    touch();
    expect(follower.news()).toContain(rowID);
    touch();
    expect(follower.news()).toContain(rowID);
    // A generation of the log that came and went unseen: what it said is in the database, where nobody looked.
    touch();
    host.run("pragma wal_checkpoint(truncate)");
    touch();
    host.run("pragma wal_checkpoint(truncate)");
    touch();
    expect(follower.news()).toBe("lost");
  } finally {
    store.close();
    fixture.remove();
  }
});
