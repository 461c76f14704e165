import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { removeHomes } from "./home.ts";
import { startHost } from "./running-host.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

const CODE = "schema-mismatch";

/** Values of a session that are valid JSON, but that opencode refuses from 1.14.48 on. No rule completes them. */
const REFUSED = {
  permission: '[{"permission":"bash","pattern":"*","action":"maybe"}]',
  summary_diffs: '[{"file":5}]',
};

afterAll(removeHomes);

async function listStatus({ home }: RealStore): Promise<number> {
  const host = await startHost({ home });
  try {
    return (await host.get("/session")).status;
  } finally {
    await host.stop();
  }
}

async function damaged(): Promise<RealStore> {
  const store = await realStore("1.15.13");
  using database = new Database(join(store.dataDir, "opencode.db"));
  for (const [column, value] of Object.entries(REFUSED))
    database.run(`update session set ${column} = ? where id = ?`, [value, store.sessions.plain.id]);
  return store;
}

test("a value of a session on which the whole list fails leaves when its code is named, and only then", async () => {
  const store = await damaged();
  const before = await storeImage(store.dataDir);
  const tool = await toolFor(store.dataDir);
  const { findings } = await tool.check();
  expect(findings.map(({ code, severity, leavesIfNamed }) => [code, severity, leavesIfNamed])).toEqual(
    Object.keys(REFUSED).map(() => [CODE, "blocking", true]),
  );
  expect((await tool.repair()).items).toEqual([]);
  const { runID, items } = await tool.repair([CODE]);
  expect(items.map(({ action }) => action)).toEqual(["quarantined", "quarantined"]);
  expect((await tool.check()).findings).toEqual([]);
  await tool.restore(runID ?? "");
  expect(await storeImage(store.dataDir)).toEqual(before);
});

test("opencode lists its sessions after that repair, and not before", async () => {
  expect(await listStatus(await damaged())).toBe(400);
  const store = await damaged();
  await (await toolFor(store.dataDir)).repair([CODE]);
  expect(await listStatus(store)).toBe(200);
});
