import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_SETTINGS } from "../../plugin/configuration/options.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import {
  checkEverything,
  checkSession,
  followStores,
  type StartCheckInput,
} from "../../plugin/opencode/start-check.ts";
import { ValidatedMemory } from "../../plugin/opencode/validated-memory.ts";
import { nodeFileSystem as files } from "../../plugin/platform/file-system.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { located, type StoreUnderTest } from "../stores/store-under-test.ts";

const HOST = "1.1.65";
const INDEX = ".session-repair-index.json";

/** The store has more files than a start checks again. */
const SESSIONS = 50;
const PARTS = 200;

let store: StoreUnderTest;

beforeAll(async () => {
  const sessions = Array.from({ length: SESSIONS }, (_, index) => sessionContent(`s${index}`, "prj_one", 1, PARTS));
  store = createJsonStore({ projects: ["prj_one"], sessions });
  // The plugin remembers only files that have not changed for a while.
  await sleep(2500);
});

afterAll(() => store.remove());

beforeEach(() => rmSync(join(store.dataDir, INDEX), { force: true }));

interface Start {
  readonly findings: readonly ConfirmedFinding[];
  readonly trusted: readonly string[];
  load(sessionID: string): Promise<readonly ConfirmedFinding[]>;
}

async function start(hostVersion = HOST): Promise<Start> {
  const where = await located(files, store.dataDir);
  const memory = new ValidatedMemory(store.dataDir, hostVersion);
  const input: StartCheckInput = {
    ...{ files, located: where, projectID: "prj_one", settings: DEFAULT_SETTINGS, hostVersion, memory },
  };
  const [followed] = followStores(await openStores(files, where, "beside-host", hostVersion));
  if (followed === undefined) throw new Error("no store");
  const findings: ConfirmedFinding[] = [];
  const trusted = await checkEverything(
    input,
    followed,
    async () => undefined,
    async (found) => void findings.push(...found),
  );
  return { findings, trusted, load: (sessionID) => checkSession(input, followed, sessionID) };
}

/** Damages a part for the duration of `work`, and then restores it. */
async function damaged<T>(sessionID: string, work: () => Promise<T>): Promise<T> {
  const message = sessionID.replace("ses_", "msg_");
  const folder = join(store.dataDir, "storage", "part", `${message}1`);
  const path = join(folder, readdirSync(folder)[0] ?? "");
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, 20));
  try {
    return await work();
  } finally {
    writeFileSync(path, bytes);
  }
}

const codes = (findings: readonly ConfirmedFinding[]) => findings.map(({ code, sessionID }) => [code, sessionID]);

test("an unchanged store is not checked again", async () => {
  const first = await start();
  expect([first.findings, first.trusted]).toEqual([[], []]);
  const second = await start();
  expect(second.findings).toEqual([]);
  expect(second.trusted.length).toBeGreaterThan(0);
  expect(second.trusted.length).toBeLessThan(SESSIONS);
});

test("what changed of the sessions that were used last is found by the next start", async () => {
  await start();
  const trusted = new Set((await start()).trusted);
  const used = store.content.sessions.map(({ id }) => id).find((id) => !trusted.has(id)) ?? "";
  await damaged(used, async () => expect(codes((await start()).findings)).toEqual([["truncated", used]]));
});

test("a session that was taken on trust is looked at before it is loaded", async () => {
  await start();
  const [old = ""] = (await start()).trusted;
  await damaged(old, async () => {
    const second = await start();
    expect(second.trusted).toContain(old);
    expect(codes(await second.load(old))).toEqual([["truncated", old]]);
  });
});

test.each<[string, (text: string) => string]>([
  ["that was cut off", (text) => text.slice(0, text.length / 2)],
  ["with a wrong byte", (text) => text.replace("ses_s1", "ses_s2")],
  ["of nothing", () => ""],
  ["of an older version", (text) => text.replace(/^\d+ /, "0 ")],
])("an index %s is as good as none", async (_name, spoil) => {
  await start();
  const path = join(store.dataDir, INDEX);
  writeFileSync(path, spoil(readFileSync(path, "utf8")));
  await damaged("ses_s0", async () => {
    const { findings, trusted } = await start();
    expect(trusted).toEqual([]);
    expect(codes(findings)).toEqual([["truncated", "ses_s0"]]);
  });
});

test("an index made beside another version of opencode says nothing", async () => {
  await start();
  expect((await start("1.0.152")).trusted).toEqual([]);
});
