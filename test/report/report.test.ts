import { afterAll, expect, test } from "bun:test";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { summarise } from "../../plugin/report/incidents.ts";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "../host/home.ts";
import { fileImage } from "../host/store-image.ts";
import { realStore } from "../host/stored-fixture.ts";
import { CANARY, poisonedStore } from "../privacy/poisoned-store.ts";

afterAll(removeHomes);

test.each(["1.1.65", "1.18.33"] as const)("%s: nothing of a user's ever stands in a report", async (version) => {
  const { store, dataDir } = await poisonedStore(version);
  const before = await fileImage(dataDir);
  for (const json of [[], ["--json"]]) {
    const { code, stdout, stderr } = await askCli(["report", "--data-dir", dataDir, ...json]);
    expect(code).toBe(0);
    expect((stdout + stderr).toLowerCase()).not.toContain(CANARY);
    expect(stdout + stderr).not.toContain(store.home.root);
    for (const id of store.sessionIDs) expect(stdout).not.toContain(id);
    for (const word of ["ENOSPC", "SQLiteError", "err_1a2b3c4d", "damaged"]) expect(stdout).toContain(word);
  }
  expect(await fileImage(dataDir)).toEqual(before);
  await store.home.remove();
});

test("what a process is called that has locked the database does not stand in a report", () => {
  const at = { bytes: null, writtenMs: null };
  const told = ["locked by acme-merger (process 42)", "SQLITE_BUSY: locked by acme-merger (process 42)"];
  const faults = told.map((evidence) => ({
    ...at,
    finding: {
      code: "database-unavailable",
      severity: "warning",
      kind: "database",
      sessionID: null,
      evidence,
    } as const,
  }));
  const words = summarise(faults).flatMap(({ evidence }) => evidence.map((each) => each.words));
  expect(words.sort()).toEqual(["SQLITE_BUSY: locked by a process", "locked by a process"]);
});

test("a full disk that hit three sessions is told: codes, sizes, times, and that it repeats", async () => {
  const store = await realStore("1.1.65");
  for (const name of ["plain", "conversation", "child"] as const) {
    const message = store.sessions[name].messages[1];
    for (const part of message?.parts ?? []) {
      await writeFile(join(store.dataDir, "storage", "part", message?.id ?? "", `${part.id}.json`), "");
    }
  }
  const { stdout } = await askCli(["report", "--json", "--data-dir", store.dataDir]);
  const { report } = JSON.parse(stdout);
  expect(report.pattern).toMatchObject({ damagedSessions: 3, repeated: ["empty"] });
  expect(report.faults[0]).toMatchObject({ code: "empty", severity: "blocking", sessions: 3, bytes: { sum: 0 } });
  expect(report.faults[0].records).toBe(report.faults[0].ofZeroBytes);
  expect(report.incidents).toHaveLength(1);
  expect(report.incidents[0]).toMatchObject({ sessions: 3 });
  await store.home.remove();
});

test("a report goes into a new file of its owner's alone, never over another one", async () => {
  const store = await realStore("1.18.33");
  const file = join(store.home.root, "report.md");
  const args = ["report", "--data-dir", store.dataDir, "--output", file];
  const first = await askCli(args);
  expect([first.code, first.stdout]).toEqual([0, ""]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, "utf8")).toContain("verdict: healthy");
  expect((await askCli(args)).code).toBe(3);
  await store.home.remove();
});
