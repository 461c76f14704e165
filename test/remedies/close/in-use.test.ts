import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { link, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inUse, isLeftAlone } from "../../../plugin/remedies/close/in-use.ts";
import type { Located } from "../../../plugin/stores/locate.ts";
import { type Holder, holdDatabase } from "../../stores/database-holder.ts";

let root: string;
let located: Located;
let holder: Holder | null = null;

beforeEach(async () => {
  root = await mkdtemp(join(await realpath(tmpdir()), "in-use-"));
  const dataDir = join(root, "data");
  await mkdir(dataDir);
  const database = join(dataDir, "opencode.db");
  const made = new Database(database);
  made.run("pragma journal_mode = wal");
  made.run("create table session (id text)");
  made.close();
  located = { dataDir, json: "none", databases: [database] };
});

afterEach(async () => {
  await holder?.stop();
  holder = null;
  await rm(root, { recursive: true, force: true });
});

test("stores that nobody has open are free", async () => {
  expect(await inUse(located, "outside")).toBeNull();
  expect(await isLeftAlone(located)).toBe(process.platform === "linux");
});

test("opencode itself never ends a turn that it may be working on", async () => {
  expect(await inUse(located, "beside-host")).toContain("Quit opencode, then run");
});

test("a process with the database open may be working on a session, however idle it is", async () => {
  holder = await holdDatabase(located.databases[0] ?? "", "select * from session");
  expect(await inUse(located, "outside")).toContain("may be in use");
  expect(await isLeftAlone(located)).toBe(false);
});

test("a process that the system does not show is told by its lock", async () => {
  const hidden = join(root, "elsewhere.db");
  await link(located.databases[0] ?? "", hidden);
  holder = await holdDatabase(hidden, "select * from session");
  expect(await inUse(located, "outside")).toBe(
    "A session may be in use: another process has the database open. Quit opencode, then try again.",
  );
});
