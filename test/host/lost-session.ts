import { expect } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isJsonHost } from "./binary.ts";
import type { HostCase } from "./host-for-cases.ts";
import { openDatabase } from "./record-place.ts";
import { leaveProject } from "./running-host.ts";
import { askAbout, opens, records } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import type { RealStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

const CODES = ["lost-session-record"];

async function loseSession({ dataDir, projectID }: RealStore, id: string, isJson: boolean): Promise<void> {
  if (isJson) return rm(join(dataDir, "storage", "session", projectID, `${id}.json`));
  using database = openDatabase({ dataDir });
  database.run("pragma foreign_keys = off");
  database.run("delete from session where id = ?", [id]);
  const logs = database.query("select 1 from sqlite_master where name = 'event'").all();
  // Users delete the log to save space. Without the log, the session can only be rebuilt from its messages.
  if (logs.length > 0) database.run("delete from event");
}

/** Checks that opencode lists and opens a session whose record was rebuilt from its messages. */
export async function listsRebuilt({ store, host }: HostCase): Promise<void> {
  const { id } = store.sessions.conversation;
  const before = await askAbout(host, id);
  await leaveProject(host);
  await loseSession(store, id, isJsonHost(host.version));
  const image = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);
  expect((await tool.repair()).items).toEqual([]);
  const done = await tool.repair(CODES);
  expect(done.items.map(({ action, recordID }) => [action, recordID])).toEqual([["recovered", id]]);
  await tool.restore(done.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  await tool.repair(CODES);

  const after = await askAbout(host, id);
  expect(opens(after, id)).toBe(true);
  expect(after.messages).toEqual(before.messages);
  const [was, is] = [before, after].map((answers) => records(answers.list.body).find((each) => each.id === id));
  expect(is).toMatchObject({ directory: was?.directory, projectID: was?.projectID });
  expect(String(is?.title)).toStartWith("Recovered session ");
  expect((await tool.check()).findings.filter(({ code }) => CODES.includes(code))).toEqual([]);
}
