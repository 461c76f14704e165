/**
 * In these tests, something else is in the place of a folder of opencode 1.0-1.1. The expected texts say what 1.1.65
 * then did.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

async function found(): Promise<readonly (readonly [severity: string, code: string, evidence: string])[]> {
  const { findings } = await (await toolFor(store.dataDir)).check();
  return findings.map(({ severity, code, evidence }) => [severity, code, evidence]);
}

/** Moves a file or folder out of `storage/`, and returns its new path. */
function movedAway(place: string): string {
  const away = join(store.dataDir, "away");
  renameSync(join(storage, place), away);
  return away;
}

const PLACES = [
  ["session", "blocking", "opencode lists no session and creates none"],
  ["session/prj_one", "blocking", "opencode lists no session of this project and creates none"],
  ["message", "blocking", "opencode shows every session without its messages"],
  ["message/ses_a", "blocking", "opencode shows this session without its messages"],
  ["part", "blocking", "opencode shows every message empty"],
  ["part/msg_a1", "blocking", "opencode shows this message empty"],
  ["project", "blocking", "opencode answers every request with an error"],
] as const;

describe("what is not a folder is named with what opencode does, and nothing beside it is called lost", () => {
  for (const [place, severity, does] of PLACES) {
    test(place, async () => {
      movedAway(place);
      writeFileSync(join(storage, place), "");
      expect(await found()).toEqual([[severity, "folder-is-file", `a file; ${does}`]]);
      const { findings, verdict } = await (await toolFor(store.dataDir)).check();
      expect(verdict).not.toBe("healthy");
      expect(findings.map(({ locator, remedy }) => [locator, remedy])).toEqual([
        [{ path: `storage/${place}` }, "report"],
      ]);
      rmSync(join(storage, place));
      symlinkSync("/nowhere/at/all", join(storage, place));
      expect(await found()).toEqual([[severity, "folder-is-file", `a link that leads nowhere; ${does}`]]);
    });

    test(`${place}: a link to the folder is as good`, async () => {
      symlinkSync(movedAway(place), join(storage, place));
      expect(await found()).toEqual([]);
    });
  }
});

test("files beside the folders, which no record leads to, are none of it", async () => {
  writeFileSync(join(storage, "migration"), "2");
  for (const kind of ["session", "message", "part", "project"]) writeFileSync(join(storage, kind, "notes.txt"), "x");
  writeFileSync(join(storage, "session", "prj_gone"), "x");
  writeFileSync(join(storage, "message", "ses_gone"), "x");
  writeFileSync(join(storage, "part", "msg_gone"), "x");
  expect(await found()).toEqual([]);
  // The check still finds a lost record beside these files.
  const { worktree } = JSON.parse(readFileSync(join(storage, "project/prj_one.json"), "utf8")) as { worktree: string };
  const answer = join(storage, "message/ses_a/msg_a2.json");
  const path = { cwd: worktree, root: worktree };
  writeFileSync(answer, JSON.stringify({ ...JSON.parse(readFileSync(answer, "utf8")), path }));
  rmSync(join(storage, "session/prj_one/ses_a.json"));
  expect((await found()).map(([, code]) => code)).toEqual(["lost-session-record"]);
});

test("many of one kind are one finding", async () => {
  rmSync(join(storage, "part"), { recursive: true });
  mkdirSync(join(storage, "part"));
  const folder = join(storage, "message/ses_a");
  const [first = ""] = readdirSync(folder);
  const message = JSON.parse(readFileSync(join(folder, first), "utf8")) as object;
  for (let number = 0; number < 25; number += 1) {
    const id = `msg_b${String(number).padStart(2, "0")}`;
    writeFileSync(join(folder, `${id}.json`), JSON.stringify({ ...message, id }));
    writeFileSync(join(storage, "part", id), "");
  }
  expect(await found()).toEqual([
    ["blocking", "folder-is-file", "there are 25 files instead of folders in it; opencode shows these messages empty"],
  ]);
});

test("storage itself: a file, a link that leads nowhere or to a file stops opencode 1.0-1.1; a link to the folder does not", async () => {
  const away = join(store.dataDir, "away");
  renameSync(storage, away);
  const does = "opencode answers every request with an error";
  writeFileSync(storage, "x");
  expect(await found()).toEqual([["blocking", "folder-is-file", `a file; ${does}`]]);
  const { findings } = await (await toolFor(store.dataDir)).check();
  expect(findings.map(({ locator, remedy }) => [locator, remedy])).toEqual([[{ path: "storage" }, "report"]]);
  rmSync(storage);
  symlinkSync("/nowhere/at/all", storage);
  expect(await found()).toEqual([["blocking", "folder-is-file", `a link that leads nowhere; ${does}`]]);
  rmSync(storage);
  symlinkSync(join(away, "project/prj_one.json"), storage);
  expect(await found()).toEqual([["blocking", "folder-is-file", `a link to a file; ${does}`]]);
  rmSync(storage);
  symlinkSync(away, storage);
  expect(await found()).toEqual([]);
});

describe("nothing is offered behind a link, whoever it leads to, and the link is named", () => {
  const BEHIND = [
    ["session/prj_one", "ses_a"],
    ["message/ses_a", "msg_a2"],
    ["part/msg_a2", null],
  ] as const;
  for (const [place, record] of BEHIND) {
    test(place, async () => {
      const away = movedAway(place);
      const file = record === null ? readdirSync(away)[0] : `${record}.json`;
      symlinkSync(away, join(storage, place));
      writeFileSync(join(away, file ?? ""), "");
      const tool = await toolFor(store.dataDir);
      const { findings } = await tool.check();
      expect(findings.map(({ code, remedy, advice }) => [code, remedy, advice?.slice(0, 43)])).toEqual([
        ["empty", "report", "Nothing is changed behind a symbolic link. "],
      ]);
      expect(findings[0]?.evidence).toEndWith(`; behind the link storage/${place}`);
      const before = store.image();
      for (const done of [await tool.repair(["empty"]), await tool.repairUnasked()]) {
        expect(done.items.filter(({ action }) => action !== "skipped")).toEqual([]);
        for (const { reason } of done.items) expect(reason).toContain(`behind the link storage/${place}`);
      }
      expect(store.image()).toEqual(before);
    });
  }
});
