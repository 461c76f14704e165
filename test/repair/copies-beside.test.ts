import { afterEach, beforeEach, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { toolFor } from "../host/tool.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";

let store: StoreUnderTest;
let storage: string;

beforeEach(() => {
  store = createJsonStore({ ...sampleContent(), sessions: [sessionContent("a", "prj_one", 3, 1)] });
  storage = join(store.dataDir, "storage");
});
afterEach(() => store.remove());

function damage(path: string): void {
  writeFileSync(path, "");
  utimesSync(path, new Date(0), new Date(0));
}

test("a damaged record of which a whole copy lies beside it gets the bytes of the newest copy, when asked; undo is exact", async () => {
  const part = { id: "prt_b1", sessionID: "ses_a", messageID: "msg_a2", type: "text", text: "Words." };
  writeFileSync(join(storage, "part/msg_a2/prt_b1.json"), JSON.stringify(part));
  const damaged = ["session/prj_one/ses_a", "message/ses_a/msg_a1", "part/msg_a2/prt_b1"];
  const whole = damaged.map((place) => readFileSync(join(storage, `${place}.json`), "utf8"));
  for (const place of damaged) {
    const path = join(storage, place);
    const newer = `${path}.sync-conflict-20260105-101112-ABCDEFG.json`;
    copyFileSync(`${path}.json`, newer);
    // Both copies were created just now. The time at which their content was last written decides which copy is newer.
    utimesSync(newer, new Date(2_000_000), new Date(2_000_000));
    const older = `${path} 2.json`;
    copyFileSync(`${path}.json`, older);
    writeFileSync(older, readFileSync(older, "utf8").replace("{", '{"older":true,'));
    utimesSync(older, new Date(1_000_000), new Date(1_000_000));
    damage(`${path}.json`);
  }
  const before = store.image();
  const tool = await toolFor(store.dataDir);
  const { runID, items } = await tool.repair(["empty"]);
  expect(items.map(({ action }) => action)).toEqual(["recovered", "recovered", "recovered"]);
  expect(damaged.map((place) => readFileSync(join(storage, `${place}.json`), "utf8"))).toEqual(whole);
  expect((await tool.check()).findings.every(({ code }) => code === "stray-file")).toBe(true);
  await tool.restore(runID ?? "");
  expect(store.image()).toEqual(before);
});

test("an older copy does not displace what is left of the record itself", async () => {
  const part = { id: "prt_b1", sessionID: "ses_a", messageID: "msg_a2", type: "text", text: "All of these words." };
  const path = join(storage, "part/msg_a2/prt_b1.json");
  const copy = path.replace(".json", ".sync-conflict-20260105-101112-ABCDEFG.json");
  writeFileSync(copy, JSON.stringify({ ...part, text: "All" }));
  utimesSync(copy, new Date(0), new Date(0));
  writeFileSync(path, `${JSON.stringify(part)}${"\0".repeat(100)}`);
  utimesSync(path, new Date(1_000_000), new Date(1_000_000));
  const tool = await toolFor(store.dataDir);
  const { findings } = await tool.check();
  await tool.repair(undefined, findings);
  expect(findings.find(({ code }) => code === "stray-file")).toMatchObject({ remedy: "report" });
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(part);
});

test("the only whole copy of a damaged record is not offered for quarantine", async () => {
  const path = join(storage, "message/ses_a/msg_a1.json");
  copyFileSync(path, path.replace(".json", " 2.json"));
  damage(path);
  const { findings } = await (await toolFor(store.dataDir)).check();
  expect(findings.find(({ code }) => code === "stray-file")).toMatchObject({ remedy: "report" });
});

test("a copy of another record, and one that is damaged too, are no copies", async () => {
  const folder = join(storage, "message/ses_a");
  const other = join(folder, "msg_a1 2.json");
  copyFileSync(join(folder, "msg_a2.json"), other);
  writeFileSync(join(folder, "msg_a1 (conflicted copy).json"), "");
  damage(join(folder, "msg_a1.json"));
  const { findings } = await (await toolFor(store.dataDir)).check();
  const finding = findings.find(({ recordID }) => recordID === "msg_a1");
  expect(finding?.code).toBe("empty");
  expect(finding?.evidence).not.toContain("copy");
});

test("a session whose project's record is lost too stays in the list, in the folder that its messages name", async () => {
  const answer = join(storage, "message/ses_a/msg_a2.json");
  const path = { cwd: "/work/app", root: "/work/app" };
  writeFileSync(answer, JSON.stringify({ ...JSON.parse(readFileSync(answer, "utf8")), path }));
  damage(join(storage, "session/prj_one/ses_a.json"));
  damage(join(storage, "project/prj_one.json"));
  const tool = await toolFor(store.dataDir);
  await tool.repair(["empty"]);
  const session = JSON.parse(readFileSync(join(storage, "session/prj_one/ses_a.json"), "utf8"));
  expect(session).toMatchObject({ id: "ses_a", projectID: "prj_one", directory: "/work/app" });
});

const OTHER_NAMES = ["SES_A", "notes", "ses_a 2", "ses_a.json"];

for (const name of OTHER_NAMES) {
  test(`a session that a file named ${name} lists once more opens, so it is no damage; it leaves when named`, async () => {
    const path = join(storage, "session/prj_one/ses_a.json");
    copyFileSync(path, join(storage, "session/prj_one", `${name}.json`));
    const clean = store.image();
    const tool = await toolFor(store.dataDir);
    const { verdict, findings } = await tool.check();
    expect([verdict, findings.map(({ code, severity }) => [code, severity])]).toEqual([
      "healthy",
      [["stray-file", "warning"]],
    ]);
    expect((await tool.repair()).items).toEqual([]);
    const { runID, items } = await tool.repair(["stray-file"]);
    expect(items.map(({ action }) => action)).toEqual(["quarantined"]);
    await tool.restore(runID ?? "");
    expect(store.image()).toEqual(clean);
  });
}

test("a copy that lists a session which no file opens is damage; it leaves only when named", async () => {
  const path = join(storage, "session/prj_one/ses_a.json");
  writeFileSync(path.replace(".json", " 2.json"), readFileSync(path, "utf8").replace('"ses_a"', '"ses_a9"'));
  const before = store.image();
  const tool = await toolFor(store.dataDir);
  const { verdict, findings } = await tool.check();
  expect([verdict, findings.map(({ code, severity }) => [code, severity])]).toEqual([
    "damaged",
    [["stray-file", "blocking"]],
  ]);
  expect((await tool.repairUnasked()).items).toEqual([]);
  expect((await tool.repair()).items).toEqual([]);
  expect(store.image()).toEqual(before);
  expect((await tool.repair(["stray-file"])).items.map(({ action }) => action)).toEqual(["quarantined"]);
  expect((await tool.check()).verdict).toBe("healthy");
});

for (const place of ["ses_a 2.json", "sub/ses_a.json"]) {
  test(`the only record of a session, in ${place}, is damage because the list names what does not open; it stays`, async () => {
    const folder = join(storage, "session/prj_one");
    mkdirSync(join(folder, "sub"), { recursive: true });
    renameSync(join(folder, "ses_a.json"), join(folder, place));
    const tool = await toolFor(store.dataDir);
    const found = (await tool.check()).findings.find(({ code }) => code === "stray-file");
    expect([found?.severity, found?.remedy]).toEqual(["blocking", "report"]);
    expect((await tool.repair(["stray-file"])).items).toEqual([]);
  });
}

test("an unreadable copy of a session that is listed itself is no damage where opencode leaves it out of the list", async () => {
  const path = join(storage, "session/prj_one/ses_a.json");
  writeFileSync(path.replace(".json", " 2.json"), "{");
  const severities = async (hostVersion: string) => {
    const found = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
    if (!found.ok) throw new Error(found.message);
    const { located } = found;
    const outcome = await check({ files: nodeFileSystem, located, sessionIDs: [], concurrency: 4, hostVersion });
    return outcome.ok ? outcome.result.findings.map(({ severity }) => severity) : [];
  };
  expect(await severities("1.1.65")).toEqual(["warning"]);
  expect(await severities("1.0.152")).toEqual(["blocking"]);
});

/**
 * Each of these sessions has messages. So each file is the record of the session in its file name, whatever id the file
 * contains.
 */
for (const ring of [
  ["a", "b"],
  ["a", "b", "c"],
]) {
  test(`records of ${ring.length} sessions that state each other's id are no copies: named, and none leaves`, async () => {
    const own = createJsonStore({
      ...sampleContent(),
      sessions: ring.map((name) => sessionContent(name, "prj_one", 2, 1)),
    });
    try {
      const paths = ring.map((name) => join(own.dataDir, "storage", "session", "prj_one", `ses_${name}.json`));
      const texts = paths.map((path) => readFileSync(path, "utf8"));
      paths.forEach((path, index) => {
        writeFileSync(path, texts[(index + 1) % texts.length] ?? "");
        utimesSync(path, new Date(0), new Date(0));
      });
      const tool = await toolFor(own.dataDir);
      const { verdict, findings } = await tool.check();
      expect([verdict, findings.map(({ code, severity }) => [code, severity])]).toEqual([
        "damaged",
        ring.map(() => ["id-differs", "blocking"]),
      ]);
      const before = own.image();
      expect((await tool.repair(["stray-file"])).items).toEqual([]);
      expect(own.image()).toEqual(before);
    } finally {
      own.remove();
    }
  });
}

test("the only whole record of a session, in the file of another, is no copy of the damaged one", async () => {
  const own = createJsonStore({
    ...sampleContent(),
    sessions: [sessionContent("a", "prj_one", 2, 1), sessionContent("b", "prj_one", 2, 1)],
  });
  try {
    const [a = "", b = ""] = ["a", "b"].map((name) => join(own.dataDir, "storage/session/prj_one", `ses_${name}.json`));
    copyFileSync(b, a);
    utimesSync(a, new Date(0), new Date(0));
    damage(b);
    const tool = await toolFor(own.dataDir);
    const before = readFileSync(a, "utf8");
    await tool.repair(["stray-file", "empty"]);
    expect(readFileSync(a, "utf8")).toBe(before);
  } finally {
    own.remove();
  }
});

test("a copy of a project's record is a stray file, moved only when asked, and no copy of its folder is a project", async () => {
  const id = "0123456789abcdef0123456789abcdef01234567";
  const project = join(storage, "project", `${id}.json`);
  const record = readFileSync(join(storage, "project/prj_one.json"), "utf8").replaceAll("prj_one", id);
  writeFileSync(project, record);
  mkdirSync(join(storage, "session", id));
  const session = readFileSync(join(storage, "session/prj_one/ses_a.json"), "utf8");
  for (const folder of [id, `${id} 2`]) {
    mkdirSync(join(storage, "session", folder), { recursive: true });
    writeFileSync(join(storage, "session", folder, "ses_a.json"), session.replaceAll("prj_one", id));
  }
  copyFileSync(project, join(storage, "project", `${id}.sync-conflict-20260105-101112-ABCDEFG.json`));
  const before = store.image();
  const tool = await toolFor(store.dataDir);
  const found = (await tool.check()).findings;
  expect(found.map(({ code, severity, kind }) => [code, severity, kind])).toEqual([
    ["stray-file", "warning", "project"],
  ]);
  expect((await tool.repair()).items).toEqual([]);
  const { runID, items } = await tool.repair(["stray-file"]);
  expect(items.map(({ action }) => action)).toEqual(["quarantined"]);
  expect((await tool.check()).findings).toEqual([]);
  await tool.restore(runID ?? "");
  expect(store.image()).toEqual(before);
});
