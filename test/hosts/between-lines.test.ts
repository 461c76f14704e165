import { afterAll, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { HostForCases } from "../host/host-for-cases.ts";
import { openDatabase } from "../host/record-place.ts";
import { startHost } from "../host/running-host.ts";
import { PATIENT, type RealStore, realStore } from "../host/stored-fixture.ts";
import { blockingOf, toolFor } from "../host/tool.ts";

afterAll(removeHomes);

/**
 * Adds a part as a memory plugin writes it (opencode-openmemory#3). 1.14.41 shows this part, and 1.14.48 answers 400.
 */
function addForeignPart(store: RealStore): void {
  const database = openDatabase(store);
  const [message] = store.sessions.plain.messages;
  database
    .query("insert into part (id, message_id, session_id, time_created, time_updated, data) values (?, ?, ?, 1, 1, ?)")
    .run(
      "memory-context-1778756145902",
      message?.id ?? "",
      store.sessions.plain.id,
      '{"type":"text","text":"remember"}',
    );
  database.close();
}

function messages(store: RealStore): string {
  return `/session/${store.sessions.plain.id}/message`;
}

const refusing = new HostForCases("1.15.4", []);

afterAll(() => refusing.end());

test("1.15.4 refuses a part of another program; the check says so, and a repair completes it", () =>
  refusing.run({ config: {}, options: PATIENT }, async ({ store, host }) => {
    addForeignPart(store);
    expect((await host.get(messages(store))).status).toBe(400);
    const tool = await toolFor(store.dataDir);
    expect(blockingOf(await tool.check()).map(({ code, remedy }) => [code, remedy])).toEqual([
      ["foreign-part", "normalise"],
    ]);
    await tool.repair();
    const answer = await host.get(messages(store));
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.body)).toContain("remember");
  }));

test("1.14.41 shows the same part, and nothing is said of it", async () => {
  const store = await realStore("1.14.41");
  addForeignPart(store);
  const host = await startHost({ home: store.home });
  expect((await host.get(messages(store))).status).toBe(200);
  expect((await (await toolFor(store.dataDir)).check()).findings).toEqual([]);
  await host.stop();
  await store.home.remove();
});

test("upgraded to 1.15.4 without a new session: a warning names the versions, and only a repair of that code acts", () =>
  refusing.run({ config: {}, options: PATIENT }, async ({ store, host }) => {
    addForeignPart(store);
    const database = openDatabase(store);
    database.run("update session set version = '1.14.41'");
    database.close();
    const tool = await toolFor(store.dataDir);
    const { findings, verdict } = await tool.check();
    expect(findings.map(({ code, severity, hosts }) => [code, severity, hosts])).toEqual([
      ["foreign-part", "warning", ["1.14.48 to 1.15.4"]],
    ]);
    expect(verdict).toBe("healthy");
    expect((await tool.repair()).items).toEqual([]);
    expect((await tool.repairUnasked()).items).toEqual([]);
    expect((await host.get(messages(store))).status).toBe(400);
    expect((await tool.repair(["foreign-part"])).items.map(({ action }) => action)).toEqual(["normalised"]);
    expect((await host.get(messages(store))).status).toBe(200);
    expect((await tool.check()).findings).toEqual([]);
  }));
