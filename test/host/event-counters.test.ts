import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { removeHomes } from "./home.ts";
import { startModelServer } from "./model-server.ts";
import { startHost } from "./running-host.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

const CODE = "event-sequence-behind";

afterAll(removeHomes);

function sql({ dataDir }: RealStore, statement: string, ...values: string[]): void {
  using database = new Database(join(dataDir, "opencode.db"));
  database.run("pragma foreign_keys = off");
  database.run(statement, values);
}

/** The status of opencode's answer to a prompt in the session `plain`. */
async function prompted(store: RealStore): Promise<number> {
  const model = startModelServer();
  const host = await startHost({ home: store.home, model });
  try {
    model.script({ text: "Fine." });
    const parts = [{ type: "text", text: "Go on." }];
    const asked = { model: { providerID: "loopback", modelID: "scripted" }, parts };
    return (await host.post(`/session/${store.sessions.plain.id}/message`, asked)).status;
  } finally {
    await host.stop();
    await model.stop();
  }
}

/** A store in which one session has no event counter, and another session has a counter that is too low. */
async function damaged(): Promise<RealStore> {
  const store = await realStore("1.18.33");
  sql(store, "delete from event_sequence where aggregate_id = ?", store.sessions.plain.id);
  sql(store, "update event_sequence set seq = 0 where aggregate_id = ?", store.sessions.conversation.id);
  return store;
}

test("a counter of events that is gone or too low follows from the events; the undo keeps every event", async () => {
  const store = await damaged();
  const before = await storeImage(store.dataDir);
  const tool = await toolFor(store.dataDir);
  const [finding, ...others] = (await tool.check()).findings;
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ code: CODE, severity: "warning", remedy: "recover" });
  expect(finding?.evidence).toContain(store.sessions.plain.id);
  expect((await tool.repair()).items).toEqual([]);
  const { runID, items } = await tool.repair([CODE]);
  expect(items.map(({ action }) => action)).toEqual(["recovered"]);
  expect((await tool.check()).findings).toEqual([]);
  await tool.restore(runID ?? "");
  expect(await storeImage(store.dataDir)).toEqual(before);
});

test("opencode takes a prompt after the repair, and not before", async () => {
  const store = await damaged();
  expect(await prompted(store)).toBe(500);
  const repaired = await damaged();
  await (await toolFor(repaired.dataDir)).repair([CODE]);
  expect(await prompted(repaired)).toBe(200);
});

test("the undo of corrected counters is possible after another session was continued", async () => {
  const store = await realStore("1.18.33");
  const counter = (id: string) => {
    using database = new Database(join(store.dataDir, "opencode.db"));
    return database.query("select seq from event_sequence where aggregate_id = ?").get(id) as { seq: number };
  };
  sql(store, "update event_sequence set seq = 0 where aggregate_id = ?", store.sessions.conversation.id);
  const tool = await toolFor(store.dataDir);
  const { runID } = await tool.repair([CODE]);
  expect(counter(store.sessions.conversation.id).seq).toBeGreaterThan(0);
  expect(await prompted(store)).toBe(200);
  const continued = counter(store.sessions.plain.id);
  const { items } = await tool.restore(runID ?? "");
  expect(items.map(({ action }) => action)).toEqual(["restored"]);
  expect(counter(store.sessions.conversation.id).seq).toBe(0);
  expect(counter(store.sessions.plain.id)).toEqual(continued);
});
