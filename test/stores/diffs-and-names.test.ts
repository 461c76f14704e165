import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { removeHomes } from "../host/home.ts";
import { type RunningHost, startHost } from "../host/running-host.ts";
import { realStore } from "../host/stored-fixture.ts";
import { toolFor } from "../host/tool.ts";
import { settledFiles } from "../repair/tool.ts";
import { sampleContent } from "./content.ts";
import { createJsonStore } from "./json-fixture.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** A time in seconds that is long ago, so that no process seems to be writing the file. */
const SETTLED = 1_700_000_000;

let store: StoreUnderTest;

beforeEach(() => {
  store = createJsonStore(sampleContent());
});
afterEach(() => store.remove());
afterAll(removeHomes);

function write(dataDir: string, path: string, text: string): void {
  const at = join(dataDir, "storage", path);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, text);
  utimesSync(at, SETTLED, SETTLED);
}

type Found = readonly [code: string, severity: string, remedy: string];

async function found(
  dataDir: string,
  hostVersion: string | null,
  sessionIDs: string[] = [],
  files = nodeFileSystem,
): Promise<Found[]> {
  const place = await locate(nodeFileSystem, { env: {}, dataDir });
  if (!place.ok) throw new Error(place.message);
  const { located } = place;
  const outcome = await check({ files, located, sessionIDs, concurrency: 4, hostVersion });
  if (!outcome.ok) throw new Error("The check does not know the session.");
  return outcome.result.findings.map(({ code, severity, remedy }) => [code, severity, remedy] as const);
}

test("damaged diffs of a deleted session are only a note, those of a session are damage where opencode fails on them", async () => {
  write(store.dataDir, "session_diff/ses_deleted.json", "{");
  expect(await found(store.dataDir, "1.0.61")).toEqual([["truncated", "info", "quarantine"]]);
  expect((await (await toolFor(store.dataDir)).repair()).items).toEqual([]);
  write(store.dataDir, "session_diff/ses_a.json", "{");
  expect(await found(store.dataDir, "1.0.61", ["ses_a"])).toEqual([["truncated", "blocking", "quarantine"]]);
});

test("diffs of a session without a record, but with messages, stay damage: its record may come back", async () => {
  write(store.dataDir, "message/ses_lost/msg_1.json", JSON.stringify({ id: "msg_1", sessionID: "ses_lost" }));
  write(store.dataDir, "session_diff/ses_lost.json", "{");
  expect(await found(store.dataDir, "1.0.61", ["ses_lost"])).toContainEqual(["truncated", "blocking", "quarantine"]);
});

test("beside a database of 1.14.41, the rows say whether diffs belong to a session", async () => {
  const { home, dataDir, sessions } = await realStore("1.14.41");
  write(dataDir, "session_diff/ses_gone.json", "{");
  write(dataDir, "session_diff/ses_list.json", "{}");
  const notes = await found(dataDir, null);
  expect(notes.map(([, severity]) => severity)).toEqual(["info", "info"]);
  write(dataDir, `session_diff/${sessions.conversation.id}.json`, "{");
  expect(await found(dataDir, null, [sessions.conversation.id])).toEqual([["truncated", "blocking", "quarantine"]]);
  await home.remove();
});

const AT = "session_diff/ses_a.json";

/**
 * What may be in the place of a file of diffs, and the problem that a check finds for 1.0.61. No other version fails on
 * these (measured on 1.0.0 to 1.15.4).
 */
const PLACES: readonly [string, (at: string) => void, "file-is-folder" | "truncated" | null][] = [
  ["a folder", (at) => mkdirSync(at), "file-is-folder"],
  ["a link to a folder", (at) => symlinkSync(dirname(at), at), "file-is-folder"],
  ["a link to itself", (at) => symlinkSync(at, at), "file-is-folder"],
  ["a link to nothing", (at) => symlinkSync("/nowhere", at), null],
  ["a link to whole diffs", (at) => symlinkSync(beside(at, "[]"), at), null],
  ["a link to damaged diffs", (at) => symlinkSync(beside(at, "{"), at), "truncated"],
];

function beside(at: string, text: string): string {
  const path = join(dirname(at), "..", "..", "elsewhere.json");
  writeFileSync(path, text);
  utimesSync(path, SETTLED, SETTLED);
  return path;
}

test.each(PLACES)("%s in the place of diffs is what opencode makes of it, and stays", async (_, make, code) => {
  const at = join(store.dataDir, "storage", AT);
  mkdirSync(dirname(at), { recursive: true });
  make(at);
  const before = lstatSync(at);
  const of1061: Found[] = code === null ? [] : [[code, "blocking", "report"]];
  expect(await found(store.dataDir, "1.0.61")).toEqual(of1061);
  expect(await found(store.dataDir, "1.0.61", ["ses_a"])).toEqual(of1061);
  const later: Found[] = code === "truncated" ? [[code, "warning", "report"]] : [];
  for (const version of ["1.0.0", "1.0.98", "1.1.34", "1.1.65"])
    expect(await found(store.dataDir, version)).toEqual(later);
  await (await toolFor(store.dataDir)).repair(["truncated", "file-is-folder"]);
  expect(lstatSync(at).ino).toBe(before.ino);
  if (before.isSymbolicLink()) expect(readlinkSync(at)).not.toBe("");
});

test("the folder in the place of diffs is seen too if the session has no messages", async () => {
  rmSync(join(store.dataDir, "storage/message/ses_a"), { recursive: true });
  mkdirSync(join(store.dataDir, "storage", AT), { recursive: true });
  expect(await found(store.dataDir, "1.0.61")).toContainEqual(["file-is-folder", "blocking", "report"]);
});

/**
 * Files in a message folder whose names do not begin with `msg`. For each file, the table says whether 1.0.0 and 1.0.61
 * fail (measured).
 */
const NAMES: readonly [name: string, text: string | null, fails: readonly [first: boolean, later: boolean]][] = [
  ["note.json", null, [false, true]],
  ["note.json", '{"id":"msg_other","role":"user","time":{"created":1}}', [false, true]],
  ["sub/x.json", null, [false, true]],
  ["note.json", "{}", [true, true]],
  ["note.json", "null", [true, true]],
  ["note.json", '{"id":"note"}', [true, true]],
  ["note.json", "{", [true, true]],
  ["sub/x.json", "{", [true, true]],
  ["note.txt", "text", [true, true]],
  [".note.json", "{", [false, false]],
];

test("1.0.0 reads every .json file of a message folder, 1.0.61 only `msg…`; check says of both what the host answers", async () => {
  for (const version of ["1.0.0", "1.0.61"] as const) {
    const real = await realStore(version);
    const id = real.sessions.conversation.id;
    const [answer = ""] = Array.from(
      new Bun.Glob("msg*.json").scanSync(join(real.dataDir, "storage/message", id)),
    ).sort();
    const whole = readFileSync(join(real.dataDir, "storage/message", id, answer), "utf8");
    let host: RunningHost | null = null;
    try {
      host = await startHost({ home: real.home });
      for (const [name, text, fails] of NAMES) {
        const path = `message/${id}/${name}`;
        write(real.dataDir, path, text ?? whole);
        const { status } = await host.get(`/session/${id}/message`);
        const findings = await found(real.dataDir, version, [id], settledFiles);
        const said = findings.some(([, severity]) => severity === "blocking");
        expect([version, name, text, status !== 200, said]).toEqual([
          version,
          name,
          text,
          fails[version === "1.0.0" ? 0 : 1],
          status !== 200,
        ]);
        if (!said) expect(findings.every(([, , remedy]) => remedy === "report")).toBe(true);
        rmSync(join(real.dataDir, "storage", name.includes("/") ? dirname(path) : path), { recursive: true });
      }
      // Measures how the host answers if something else is in the place of a file of diffs.
      const at = join(real.dataDir, `storage/session_diff/${id}.json`);
      for (const [, make, code] of PLACES) {
        rmSync(at, { recursive: true, force: true });
        make(at);
        const fails = (await host.get(`/session/${id}/diff`)).status === 500;
        expect(fails).toBe(version === "1.0.61" && code !== null);
        const findings = await found(real.dataDir, version, [id], settledFiles);
        expect(findings.some(([, severity]) => severity === "blocking")).toBe(fails);
      }
    } finally {
      await host?.stop();
      await real.home.remove();
    }
  }
});

test("a file that 1.0.0 reads as a message is not moved", async () => {
  const folder = join(store.dataDir, "storage/message/ses_a");
  const text = readFileSync(join(folder, "msg_a1.json"), "utf8");
  write(store.dataDir, "message/ses_a/note.json", text);
  expect(await found(store.dataDir, "1.0.0")).toEqual([["stray-file", "warning", "report"]]);
  expect(await found(store.dataDir, "1.0.61")).toEqual([["stray-file", "blocking", "quarantine"]]);
});

test("beside a database, diffs are of no session only if neither the rows nor the files have it", async () => {
  const real = await realStore("1.18.33");
  try {
    const ids = { row: real.sessions.plain.id, gone: "ses_gone", file: "ses_file" };
    for (const id of Object.values(ids)) write(real.dataDir, `session_diff/${id}.json`, "");
    write(
      real.dataDir,
      "project/prj_one.json",
      JSON.stringify({ id: "prj_one", worktree: "/w", time: { created: 1 } }),
    );
    const time = { created: 1, updated: 1 };
    const session = { id: "ses_file", projectID: "prj_one", directory: "/w", title: "t", version: "1.1.65", time };
    write(real.dataDir, "session/prj_one/ses_file.json", JSON.stringify(session));
    const { findings } = await (await toolFor(real.dataDir)).check();
    const said = new Map(findings.map(({ sessionID, evidence }) => [sessionID, evidence]));
    expect([ids.row, ids.gone, ids.file].map((id) => said.get(id)?.split("no session has this id").length)).toEqual([
      1, 2, 1,
    ]);
  } finally {
    await real.home.remove();
  }
});
