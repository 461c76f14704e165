import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ASK_EVERY_MS, until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { type HostVersion, isJsonHost, LINE_HOSTS } from "./binary.ts";
import { createHome, type HermeticHome, removeHomes } from "./home.ts";
import { type ModelReply, type ModelServer, startModelServer } from "./model-server.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import { storeImage } from "./store-image.ts";
import { toolFor } from "./tool.ts";

const CODES = ["unfinished-tool", "unfinished-turn"];

/** A tool that does not react to an abort. From 1.14 on, opencode itself ends only calls of such tools. */
const HANGING = 'export default { description: "hangs", args: {}, execute: () => new Promise(() => {}) }\n';

let model: ModelServer;
beforeAll(() => {
  model = startModelServer();
});
afterAll(async () => {
  await model.stop();
  await removeHomes();
});

type Wire = Readonly<Record<string, unknown>>;

interface Turn {
  readonly answer: Wire;
  readonly call: Wire;
}

function neverEnding(version: HostVersion): ModelReply {
  return isOld(version)
    ? { tool: "bash", input: { command: "echo begun; sleep 120", description: "Waits" } }
    : { tool: "hang", input: {} };
}

function isOld(version: HostVersion): boolean {
  return isJsonHost(version) || version.startsWith("1.2.");
}

async function newSession(host: RunningHost): Promise<string> {
  return ((await host.post("/session", { title: "A session" })).body as { id: string }).id;
}

function prompt(host: RunningHost, id: string, text: string) {
  const model = { providerID: "loopback", modelID: "scripted" };
  return host.post(`/session/${id}/message`, { model, parts: [{ type: "text", text }] });
}

async function lastTurn(host: RunningHost, id: string): Promise<Turn | null> {
  const { status, body } = await host.get(`/session/${id}/message`);
  expect(status).toBe(200);
  for (const { info, parts } of (body as { info: Wire; parts: Wire[] }[]).toReversed()) {
    const call = parts.find((part) => part.type === "tool");
    if (call !== undefined) return { answer: info, call };
  }
  return null;
}

function stateOf(turn: Turn | null): Wire {
  return (turn?.call.state ?? {}) as Wire;
}

/** Waits until the tool call runs. `known` are the waiting processes of other turns. */
async function untilRunning(host: RunningHost, id: string, known: readonly number[]): Promise<void> {
  const isRunning = async () => stateOf(await lastTurn(host, id)).status === "running";
  await until(isRunning, "the tool call never ran", ASK_EVERY_MS);
  // The call must have started its command. Otherwise an abort leaves the call unchanged.
  if (isOld(host.version)) {
    const isNew = (pid: number) => !known.includes(pid);
    await until(() => waitingBelow(host.pid).some(isNew), "the command was never started");
  }
}

/** The process `pid` and all processes that it started, but only those that run `sleep`. */
function waitingBelow(pid: number): number[] {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep\0")) return [pid];
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((each) => readFileSync(`/proc/${pid}/task/${each}/children`, "utf8").split(" "));
    return children.filter((child) => child !== "").flatMap((child) => waitingBelow(Number(child)));
  } catch {
    // The process has ended in the meantime.
    return [];
  }
}

/** Makes opencode itself end a turn, by an abort during a tool call. */
async function abortedByHost(host: RunningHost): Promise<Turn> {
  const id = await newSession(host);
  model.script(neverEnding(host.version));
  const turn = prompt(host, id, "Wait for ever").catch(() => null);
  await untilRunning(host, id, []);
  await host.post(`/session/${id}/abort`);
  const isOver = async () => {
    const last = await lastTurn(host, id);
    return stateOf(last).status !== "running" && (last?.answer.time as Wire | undefined)?.completed !== undefined;
  };
  await Promise.race([turn, until(isOver, "the aborted turn never ended", ASK_EVERY_MS)]);
  await until(isOver, "the aborted turn never ended", ASK_EVERY_MS);
  const aborted = await lastTurn(host, id);
  if (aborted === null) throw new Error("there is no aborted call");
  return aborted;
}

/** The parts of a turn's end that must be the same in opencode and in the tool. Ids, places and times are left out. */
function shapeOf({ answer, call }: Turn) {
  const { time, ...state } = call.state as { time: Wire };
  return {
    state: { ...state, metadata: withoutOutput(state) },
    times: Object.keys(time).sort(),
    error: answer.error,
    keys: Object.keys(answer).sort(),
    answerTimes: Object.keys(answer.time as Wire).sort(),
  };
}

/** The metadata without the command's output, because its length is different in each run. */
function withoutOutput(state: object): unknown {
  if (!("metadata" in state) || typeof state.metadata !== "object" || state.metadata === null) return null;
  const metadata = Object.fromEntries(Object.entries(state.metadata).filter(([name]) => name === "interrupted"));
  return Object.keys(metadata).length === 0 ? null : metadata;
}

async function homeWithTool(version: HostVersion): Promise<HermeticHome> {
  const home = await createHome(version);
  await mkdir(join(home.configDir, "tool"), { recursive: true });
  await writeFile(join(home.configDir, "tool", "hang.js"), HANGING);
  return home;
}

/** Changes the times of all records, as if nothing had been written for two hours. */
async function grownOld(home: HermeticHome): Promise<void> {
  const hours = 2 * 3_600_000;
  if (isJsonHost(home.version)) {
    const then = new Date(Date.now() - hours);
    const names = await readdir(join(home.dataDir, "storage"), { recursive: true });
    for (const name of names.filter((each) => each.endsWith(".json"))) {
      await utimes(join(home.dataDir, "storage", name), then, then);
    }
    return;
  }
  const database = new Database(join(home.dataDir, "opencode.db"));
  for (const table of ["message", "part"]) database.run(`update ${table} set time_updated = time_updated - ${hours}`);
  database.close();
}

/**
 * The versions with which a waiting permission is tested: one JSON host and the newest host. 1.0.152 has no route for
 * permissions, and the other versions behave like these two.
 */
const ASKING: readonly HostVersion[] = ["1.1.65", "1.18.33"];

/** Only this command of the tool `bash` needs a permission. */
const PERMISSION = { bash: { "*": "allow", "echo allowed": "ask" } };

/** Checks that a call that waits for a permission is not changed, even if it waits for a long time. */
async function waitingForPermission(host: RunningHost): Promise<void> {
  const { home } = host;
  const id = await newSession(host);
  model.script({ tool: "bash", input: { command: "echo allowed", description: "Asks" } }, { text: "It was allowed." });
  const turn = prompt(host, id, "Ask me first").catch(() => null);
  const open = async () => (await host.get("/permission")).body as { id: string }[];
  await until(async () => (await open()).length > 0, "nobody was asked for the permission");
  await until(async () => stateOf(await lastTurn(host, id)).status === "running", "the call was never written down");
  await grownOld(home);
  const tool = await toolFor(home.dataDir);
  const { findings } = await tool.check();
  expect(findings.map((finding) => finding.code).sort()).toEqual(CODES);
  const before = await storeImage(home.dataDir, []);
  const refused = await tool.repair(CODES, findings);
  expect(refused).toMatchObject({ stopped: { kind: "refused" }, runID: null });
  expect(refused.items.map(({ action }) => action)).toEqual(["skipped", "skipped"]);
  expect(await storeImage(home.dataDir, [])).toEqual(before);
  const [waiting] = await open();
  expect((await host.post(`/permission/${waiting?.id}/reply`, { reply: "once" })).status).toBe(200);
  expect((await turn)?.status).toBe(200);
  expect(stateOf(await lastTurn(host, id))).toMatchObject({ status: "completed", output: "allowed\n" });
}

/** Starts a turn that still runs a tool when opencode is killed. */
async function hanging(host: RunningHost): Promise<string> {
  const id = await newSession(host);
  const known = waitingBelow(host.pid);
  model.script(neverEnding(host.version));
  void prompt(host, id, "Wait for ever").catch(() => null);
  await untilRunning(host, id, known);
  return id;
}

/**
 * One JSON host, one SQLite host that ends a turn in the same way, and one in which a turn ends by a tool of its own. The
 * code that ends a turn is in one place for JSON files and in one place for rows, so other versions need no test.
 */
const VERSIONS = LINE_HOSTS.filter((version) => IS_WHOLE || !["1.0.152", "1.14.41"].includes(version));

for (const version of VERSIONS) {
  test(`a turn that died with opencode ${version} ends as opencode ends one on abort`, async () => {
    const home = await homeWithTool(version);
    let host = await startHost({ home, model, config: { permission: PERMISSION } });
    try {
      if (ASKING.includes(version)) await waitingForPermission(host);
      const reference = await abortedByHost(host);
      const [id, other] = [await hanging(host), await hanging(host)];
      const tool = await toolFor(home.dataDir);
      const live = (await tool.check()).findings.filter((finding) => CODES.includes(finding.code));
      expect(live).toEqual([]);
      await host.kill();

      const { findings, verdict } = await tool.check();
      const unfinished = findings.filter((finding) => CODES.includes(finding.code));
      const found = (sessionID: string) => unfinished.filter((finding) => finding.sessionID === sessionID);
      for (const each of [id, other])
        expect(
          found(each)
            .map((finding) => finding.code)
            .sort(),
        ).toEqual(CODES);
      expect(unfinished).toHaveLength(2 * CODES.length);
      expect(verdict).toBe("healthy");
      expect((await tool.repair()).items).toEqual([]);

      const image = await storeImage(home.dataDir, []);
      const done = await tool.repair(CODES, found(id));
      expect(done.items.map((item) => item.action)).toEqual(["settled", "settled"]);
      await tool.restore(done.runID ?? "");
      expect(await storeImage(home.dataDir, [])).toEqual(image);
      await tool.repair(CODES, found(id));

      host = await startHost({ home, model });
      const settled = await lastTurn(host, id);
      if (settled === null) throw new Error("the call is gone");
      expect(shapeOf(settled)).toEqual(shapeOf(reference));
      // While opencode runs, the other session is not changed.
      const refused = await tool.repair(CODES, found(other));
      expect(refused.stopped?.kind).toBe("refused");
      expect(refused.runID).toBeNull();
      model.script({ text: "Here again." });
      const next = await prompt(host, id, "Go on");
      expect(next.status).toBe(200);
      expect(JSON.stringify(next.body)).toContain("Here again.");
      const left = (await tool.check()).findings.filter((finding) => CODES.includes(finding.code));
      expect(left).toEqual([]);
    } finally {
      await host.kill();
      await home.remove();
    }
  });
}
