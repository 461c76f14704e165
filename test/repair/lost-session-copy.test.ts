import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { toolFor } from "../host/tool.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";

const CODES = ["lost-session-record"];

let store: StoreUnderTest;
let folder: string;
let record: string;
let whole: string;

beforeEach(() => {
  store = createJsonStore({ ...sampleContent(), sessions: [sessionContent("a", "prj_one", 3, 1)] });
  folder = join(store.dataDir, "storage/session/prj_one");
  record = join(folder, "ses_a.json");
  const stored = JSON.parse(readFileSync(record, "utf8"));
  whole = JSON.stringify({ ...stored, title: "My own title", directory: "/work/app", parentID: "ses_parent" });
  const answer = join(store.dataDir, "storage/message/ses_a/msg_a2.json");
  const path = { cwd: "/work/app", root: "/work/app" };
  writeFileSync(answer, JSON.stringify({ ...JSON.parse(readFileSync(answer, "utf8")), path }));
  const project = join(store.dataDir, "storage/project/prj_one.json");
  writeFileSync(project, JSON.stringify({ ...JSON.parse(readFileSync(project, "utf8")), worktree: "/work/app" }));
  rmSync(record);
});
afterEach(() => store.remove());

function copy(name: string, text = whole, seconds = 2000): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
  utimesSync(join(folder, name), seconds, seconds);
}

async function repaired(): Promise<Record<string, unknown>> {
  await (await toolFor(store.dataDir)).repair(CODES);
  return JSON.parse(readFileSync(record, "utf8"));
}

const NAMES = [
  "ses_a (conflicted copy).json",
  "ses_a 2.json",
  "ses_a.sync-conflict-20260105-101112-ABCDEFG.json",
  "notes.json",
  "ses_a.json.bak",
  "old/ses_a.json",
  "old/deeper/ses_a (1).json",
  "../global/ses_a (conflicted copy).json",
];

test.each(NAMES)("a lost session gets the bytes of its whole copy %s, with its title; undo is exact", async (name) => {
  copy(name);
  const before = store.image();
  const tool = await toolFor(store.dataDir);
  expect((await tool.repairUnasked()).items).toEqual([]);
  const { runID, items } = await tool.repair(CODES);
  expect(items.map(({ action, recordID }) => [action, recordID])).toEqual([["recovered", "ses_a"]]);
  expect(readFileSync(record, "utf8")).toBe(whole);
  expect(readFileSync(join(folder, name), "utf8")).toBe(whole);
  expect((await tool.check()).findings.filter(({ code }) => CODES.includes(code))).toEqual([]);
  await tool.restore(runID ?? "");
  expect(store.image()).toEqual(before);
});

test("the newest of several whole copies is used, and a damaged newer one is not", async () => {
  copy("ses_a 2.json", whole.replace("My own title", "Older title"), 1000);
  copy("ses_a 3.json", whole, 2000);
  copy("ses_a 4.json", whole.slice(0, -4), 3000);
  expect(await repaired()).toMatchObject({ title: "My own title", parentID: "ses_parent" });
});

const NO_COPIES: readonly [what: string, name: string, change: (text: string) => string][] = [
  ["a copy of another session", "ses_a 2.json", (text) => text.replace('"ses_a"', '"ses_b"')],
  ["a copy without a title", "ses_a 2.json", (text) => text.replace('"title"', '"name"')],
  ["a copy for an unknown project", "ses_a 2.json", (text) => text.replaceAll("prj_one", "prj_nowhere")],
  ["the record of another session that states this id", "ses_b.json", (text) => text],
  ["a hidden file", ".ses_a.json", (text) => text],
];

test.each(NO_COPIES)("%s is no copy: the record is rebuilt from the messages", async (_, name, change) => {
  copy(name, change(whole));
  expect(String((await repaired()).title)).toStartWith("Recovered session ");
});

test("a session whose project is unknown comes back too, because the copy says its place", async () => {
  rmSync(join(store.dataDir, "storage/project/prj_one.json"));
  copy("ses_a 2.json");
  expect(await repaired()).toMatchObject({ title: "My own title" });
});

test("a record that was renamed comes back from the renamed file, and the file stays", async () => {
  writeFileSync(record, whole);
  renameSync(record, join(folder, "Copy of ses_a.json"));
  expect(await repaired()).toMatchObject({ title: "My own title" });
  expect(readFileSync(join(folder, "Copy of ses_a.json"), "utf8")).toBe(whole);
});

test("if only a copy is left, one command restores the record from it and moves the copy", async () => {
  copy("ses_a (conflicted copy).json");
  const before = store.image();
  const tool = await toolFor(store.dataDir);
  const [advice] = (await tool.check()).findings.flatMap((each) => (each.code === "stray-file" ? [each.advice] : []));
  expect(advice).toContain("repair --only lost-session-record --only stray-file");
  const at = ["--yes", "--data-dir", store.dataDir];
  await askCli(["repair", "--only", "lost-session-record", "--only", "stray-file", ...at]);
  expect(readFileSync(record, "utf8")).toBe(whole);
  expect((await tool.check()).findings.filter(({ code }) => code !== "folder-missing")).toEqual([]);
  await askCli(["restore", "last", ...at]);
  expect(store.image()).toEqual(before);
});

test("of a session whose record is a link or a folder, no repair is offered that cannot be made", async () => {
  const tool = await toolFor(store.dataDir);
  symlinkSync("/nowhere/ses_a.json", record);
  expect((await tool.check()).findings.map(({ code, remedy }) => `${code} ${remedy}`)).toEqual([
    "file-is-folder report",
  ]);
  expect((await tool.repair(CODES)).items).toEqual([]);
  rmSync(record);

  mkdirSync(record);
  writeFileSync(join(record, "a-file"), "x");
  const [found] = (await tool.check()).findings.filter(({ code }) => CODES.includes(code));
  expect([found?.remedy, found?.severity]).toEqual(["report", "warning"]);
  expect(found?.advice).toContain("move the link");
  expect((await tool.repair(CODES)).items).toEqual([]);
  rmSync(record, { recursive: true });
  expect(String((await repaired()).title)).toStartWith("Recovered session ");
});
