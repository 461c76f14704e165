import { expect } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isJsonHost } from "./binary.ts";
import type { HostCase } from "./host-for-cases.ts";
import { openDatabase } from "./record-place.ts";
import { leaveProject } from "./running-host.ts";
import { askAbout, opens } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import type { RealStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

interface Wire {
  readonly info: Readonly<Record<string, unknown>>;
  readonly parts: readonly unknown[];
}

/** Fields that only the lost record had, and fields that a rebuilt record sets to its own values. */
const LOST = ["time", "summary", "variant", "finish", "error", "tools", "system", "tokens", "title"];

type Change = (bytes: Buffer) => Buffer;

async function damage(store: RealStore, sessionID: string, id: string, change: Change): Promise<void> {
  if (isJsonHost(store.home.version)) {
    const path = join(store.dataDir, "storage", "message", sessionID, `${id}.json`);
    return writeFile(path, change(await readFile(path)));
  }
  using database = openDatabase(store);
  const row = database.query("select data from message where id = ?").get(id) as { data: string };
  database.query("update message set data = cast(? as text) where id = ?").run(change(Buffer.from(row.data)), id);
  const logs = database.query("select 1 from sqlite_master where name = 'event'").all();
  if (logs.length > 0) database.run("delete from event");
}

/** Damages two messages of which no copy exists. After a repair on request, these messages still have their parts. */
export async function keepsParts({ store, host, model }: HostCase): Promise<void> {
  const { id } = store.sessions.conversation;
  const before = (await host.get(`/session/${id}/message`)).body as Wire[];
  await leaveProject(host);
  const [asked = "", answer = ""] = before.map(({ info }) => String(info.id));
  await damage(store, id, asked, (bytes) => Buffer.alloc(bytes.length));
  await damage(store, id, answer, (bytes) => bytes.subarray(0, 40));
  const image = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);
  // Without a request, the unreadable messages are only quarantined.
  const aside = await tool.repairUnasked();
  expect(new Set(aside.items.map(({ action }) => action))).toEqual(new Set(["quarantined"]));
  await tool.restore(aside.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  const done = await tool.repair();
  expect(done.items.map(({ action, kind }) => [action, kind])).toEqual([
    ["recovered", "message"],
    ["recovered", "message"],
  ]);
  const undone = await tool.restore(done.runID ?? "");
  expect(new Set(undone.items.map(({ action }) => action))).toEqual(new Set(["restored"]));
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  await tool.repair();
  expect((await tool.repair()).runID).toBeNull();
  const answers = await askAbout(host, id);
  expect(opens(answers, id)).toBe(true);
  const after = answers.messages.body as Wire[];
  expect(after.map(({ parts }) => parts)).toEqual(before.map(({ parts }) => parts));
  for (const [index, { info }] of after.entries()) {
    const was = Object.entries(before[index]?.info ?? {}).filter(([name]) => !LOST.includes(name));
    expect(info).toMatchObject(Object.fromEntries(was));
  }
  model.script({ text: "Going on." });
  const parts = [{ type: "text", text: "Go on" }];
  const prompt = { model: { providerID: "loopback", modelID: "scripted" }, parts };
  expect((await host.post(`/session/${id}/message`, prompt)).status).toBe(200);
}

/** Checks that a message that was deleted by hand is rebuilt, so that opencode shows its parts again. */
export async function getsMessageAgain({ store, host }: HostCase): Promise<void> {
  const { id, messages } = store.sessions.conversation;
  await leaveProject(host);
  const gone = messages[1]?.id ?? "";
  {
    using database = openDatabase(store);
    database.run("pragma foreign_keys = off");
    database.run("delete from message where id = ?", [gone]);
  }
  const image = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);
  expect((await tool.repair()).items).toEqual([]);
  const done = await tool.repair(["lost-message-record"]);
  expect(done.items.map(({ action, recordID }) => [action, recordID])).toEqual([["recovered", gone]]);
  await tool.restore(done.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  await tool.repair(["lost-message-record"]);
  const shown = (await host.get(`/session/${id}/message`)).body as Wire[];
  expect(shown.map(({ info, parts }) => [info.id, parts.length])).toEqual(
    messages.map((message) => [message.id, message.parts.length]),
  );
}
