import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownPartID } from "../../../plugin/remedies/complete/part-id.ts";
import { shownValue } from "../../../plugin/remedies/complete/shown-value.ts";
import { changeLines } from "../../../plugin/words/changes.ts";
import { blockingOf, toolFor } from "../../host/tool.ts";
import { sampleContent } from "../../stores/content.ts";
import { createJsonStore } from "../../stores/json-fixture.ts";
import { createSqliteStore } from "../../stores/sqlite-fixture.ts";

const FOREIGN = ["memory-context-1", "openmemory-nudge-2", "part_3", "supermemory-context-4", "zzz"];

test("parts that are renamed stay in their places, in whatever order it is done", () => {
  const ids = [...FOREIGN, "prt_a", "prt_b", "prt_b0"].sort();
  const atOnce = ids.map((id) => (id.startsWith("prt") ? id : (ownPartID(id, ids) ?? "none")));
  expect([...atOnce].sort()).toEqual(atOnce);
  expect(new Set(atOnce).size).toBe(ids.length);
  for (const order of [FOREIGN, [...FOREIGN].reverse()]) {
    const renamed = new Map<string, string>();
    for (const id of order) {
      const now = ids.map((each) => renamed.get(each) ?? each).sort();
      renamed.set(id, ownPartID(id, now) ?? "none");
    }
    expect(ids.map((each) => renamed.get(each) ?? each)).toEqual(atOnce);
  }
});

test("where no id is free in its place a part keeps its own", () => {
  expect(ownPartID("memory-1", ["memory-1", "prt"])).toBeNull();
  expect(ownPartID("memory-1", ["prt_a"])).toBeNull();
});

test("a plan shows names and numbers, and neither what was said nor paths", () => {
  expect(
    ["build", 0, null, undefined, {}, "/home/somebody", "said by somebody"].map((each) => shownValue(each, false)),
  ).toEqual(["build", "0", "null", "(missing)", "{}", "(a text)", "(a text)"]);
  expect(shownValue({ providerID: "loopback", modelID: "x/y" }, false)).toBe(
    '{"providerID":"loopback","modelID":"x/y"}',
  );
  expect(shownValue({ input: "said" }, true)).toBe("(an object)");
});

test("a plan counts what many records have in common", () => {
  const change = (path: string, from: string, to: string) => ({
    kind: "message" as const,
    replacement: { source: "", content: { fields: [] }, changes: [{ path, from, to }] },
  });
  const lines = changeLines([
    ...Array.from({ length: 1200 }, () => change("agent", "(missing)", "build")),
    ...Array.from({ length: 9 }, (_, index) => change("parentID", "(missing)", `msg_${index}`)),
  ]);
  expect(lines).toEqual([
    "1,200 messages: agent: (missing) -> build",
    "9 messages: parentID: (missing) -> 9 values, each its own",
  ]);
});

test("a project's worktrees and version control", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  try {
    const connection = store.connect();
    connection.run(`update project set vcs = 'hg', sandboxes = '["/elsewhere","relative"]' where id = 'prj_one'`);
    const before = store.image();
    const tool = await toolFor(store.dataDir);
    const { runID } = await tool.repair();
    expect(connection.all("select vcs, sandboxes from project where id = 'prj_one'")).toEqual([
      { vcs: null, sandboxes: '["/elsewhere"]' },
    ]);
    connection.close();
    expect(blockingOf(await tool.check())).toEqual([]);
    await tool.restore(runID ?? "");
    expect(store.image()).toEqual(before);
  } finally {
    store.remove();
  }
});

test("a session's file that calls itself by another id", async () => {
  const store = await createJsonStore(sampleContent());
  try {
    const path = join(store.dataDir, "storage", "session", "prj_one", "ses_a.json");
    const document = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...document, id: "ses_other" }));
    const before = store.image();
    const tool = await toolFor(store.dataDir);
    const { runID, items } = await tool.repair();
    expect(items.map(({ action }) => action)).toEqual(["normalised"]);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ ...document, id: "ses_a" });
    await tool.restore(runID ?? "");
    expect(store.image()).toEqual(before);
  } finally {
    store.remove();
  }
});
