import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type HostVersion, isJsonHost } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { leaveProject, type RunningHost, startHost } from "./running-host.ts";
import { records } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

afterAll(removeHomes);

async function lose({ dataDir, home, projectID }: RealStore): Promise<void> {
  if (isJsonHost(home.version)) return rm(join(dataDir, "storage", "project", `${projectID}.json`));
  using database = openDatabase({ dataDir });
  database.run("pragma foreign_keys = off");
  database.run("delete from project where id = ?", [projectID]);
}

interface Elsewhere {
  readonly project: unknown;
  readonly messages: unknown;
}

/** The answers about the project and one of its sessions, from an opencode that works in another folder. */
async function askElsewhere(host: RunningHost, store: RealStore): Promise<Elsewhere> {
  const { time: _, ...project } = records((await host.get("/project")).body).find(
    ({ id }) => id === store.projectID,
  ) ?? { time: null };
  const messages = await host.get(`/session/${store.sessions.conversation.id}/message`);
  await leaveProject(host);
  return { project, messages };
}

async function comesBack(version: HostVersion): Promise<void> {
  const store = await realStore(version);
  const tool = await toolFor(store.dataDir);
  const elsewhere = join(store.home.root, "elsewhere");
  await mkdir(elsewhere);
  const host = await startHost({ home: { ...store.home, project: elsewhere } });
  const healthy = await askElsewhere(host, store);
  expect(healthy.project).toMatchObject({ id: store.projectID, worktree: store.project });
  await lose(store);
  const image = await storeImage(store.dataDir, []);
  expect((await tool.repair()).items).toEqual([]);
  const done = await tool.repair(["project-missing"]);
  expect(done.items.map(({ action, recordID }) => [action, recordID])).toEqual([["recovered", store.projectID]]);
  await tool.restore(done.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  expect((await askElsewhere(host, store)).project).toEqual({});
  await tool.repair(["project-missing"]);
  expect(await askElsewhere(host, store)).toMatchObject({ ...healthy });
  await host.stop();
  await store.home.remove();
}

describe("a project without a record gets one from what its sessions state", () => {
  for (const version of ["1.0.152", "1.2.27", "1.18.33"] as const)
    test(`opencode ${version}`, () => comesBack(version));
});

test("opencode 1.1.65: of a project's file that was cut off the legible beginning stays", async () => {
  const store = await realStore("1.1.65");
  const path = join(store.dataDir, "storage", "project", `${store.projectID}.json`);
  const record = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  const text = JSON.stringify({ id: record.id, name: "Mine", icon: { color: "pink" }, worktree: record.worktree });
  await writeFile(path, text.slice(0, -10));
  const image = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);
  const done = await tool.repair(["truncated"]);
  expect(done.items.map(({ action }) => action)).toEqual(["recovered"]);
  const made = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  expect(made).toMatchObject({ id: record.id, name: "Mine", icon: { color: "pink" } });
  await tool.restore(done.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  await store.home.remove();
});

test("opencode 1.18.33: a project's folder that is not absolute is set to where its sessions worked", async () => {
  const store = await realStore("1.18.33");
  using database = new Database(join(store.dataDir, "opencode.db"));
  database.run("update project set worktree = 'http://localhost' where id = ?", [store.projectID]);
  const image = await storeImage(store.dataDir, []);
  const tool = await toolFor(store.dataDir);
  expect((await tool.repairUnasked()).items).toEqual([]);
  const done = await tool.repair();
  expect(done.items.map(({ action }) => action)).toEqual(["recovered"]);
  const [row] = database.query("select worktree from project where id = ?").all(store.projectID);
  expect(row).toEqual({ worktree: store.project });
  await tool.restore(done.runID ?? "");
  expect(await storeImage(store.dataDir, [])).toEqual(image);
  await store.home.remove();
});
