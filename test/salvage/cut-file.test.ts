import { afterAll, expect, test } from "bun:test";
import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { sqliteFailure } from "../../plugin/stores/sqlite/sqlite-error.ts";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { startHost } from "../host/running-host.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

const PAGE = 4096;

async function run(store: RealStore, ...args: string[]) {
  const { code, stdout } = await askCli([...args, "--json", "--data-dir", store.dataDir]);
  return { code, ...JSON.parse(stdout) };
}

async function statusOf(store: RealStore, sessionID: string): Promise<number> {
  const host = await startHost({ home: store.home });
  try {
    return (await host.get(`/session/${sessionID}/message`)).status;
  } finally {
    await host.stop();
  }
}

/**
 * SQLite's integrity check treats the missing end of the last page as zeros. But SQLite reads a long text directly from
 * the file.
 */
test("a database of 1.18.33 that ends inside a page of a long text is damaged, and salvage saves it up to there", async () => {
  const store = await realStore("1.18.33");
  const { id } = store.sessions.conversation;
  const path = join(store.dataDir, "opencode.db");
  {
    using database = openDatabase(store);
    const text = JSON.stringify({ type: "text", text: "word ".repeat(9_500) });
    database.run("update part set data = ? where id = (select max(id) from part where session_id = ?)", [text, id]);
    database.run("delete from event");
    database.run("vacuum");
    database.run("update part set data = replace(data, 'word', 'words') where length(data) > 40000");
    database.run("pragma wal_checkpoint(truncate)");
  }
  const { length } = readFileSync(path);
  truncateSync(path, length - PAGE + 50);
  const before = readFileSync(path);
  expect(await statusOf(store, id)).toBe(500);
  expect(await run(store, "check")).toMatchObject({ verdict: "unusable", findings: [{ code: "database-malformed" }] });

  const done = await run(store, "salvage", "--swap", "--yes");
  expect(done).toMatchObject({ code: 1, swapped: true, isSound: true, mended: 1 });
  expect((await run(store, "check")).verdict).toBe("healthy");
  expect(await statusOf(store, id)).toBe(200);
  await run(store, "restore", done.runID, "--yes");
  expect(readFileSync(path)).toEqual(before);
});

test("Node's number for a file that ends too early means damage too", () => {
  expect(sqliteFailure(Object.assign(new Error("disk I/O error"), { errcode: 522 }))).toBe("malformed");
  expect(sqliteFailure(Object.assign(new Error("disk I/O error"), { errcode: 10 }))).toBe("io");
});
