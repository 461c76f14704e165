import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import pLimit from "p-limit";
import { mountSmallDisk } from "../../scripts/demo/small-disk.ts";
import { Random } from "../oracle/random.ts";
import { PATIENCE_MS } from "../process/until.ts";
import { parses } from "../records/parses.ts";
import type { HostVersion } from "./binary.ts";
import { createHome, type HermeticHome } from "./home.ts";
import { type ModelReply, type ModelServer, startModelServer } from "./model-server.ts";
import { type RunningHost, startHost } from "./running-host.ts";

export interface FailureInput {
  readonly version: HostVersion;
  /** The folder with the compiled package. */
  readonly dist: string;
  readonly atomicWrites: boolean;
  readonly count: number;
  readonly seed: number;
}

/** The damage that a number of failures left. */
export interface FailureOutcome {
  readonly failures: number;
  /** The number of failures after which at least one record file was not valid JSON. */
  readonly withUnreadableFile: number;
  /** The number of failures after which a session did not answer with status 200. */
  readonly withDeadSession: number;
  readonly unreadableFiles: number;
  /** How many of the unreadable files are empty. */
  readonly emptyFiles: number;
  /** The number of records of earlier turns that are missing or have another content. */
  readonly changedFiles: number;
}

type Finding = Omit<FailureOutcome, "failures" | "withUnreadableFile" | "withDeadSession"> & {
  readonly deadSessions: number;
};

/** All record files, by their name in `storage/`. */
function recordsIn(dataDir: string): Map<string, string> {
  const storage = join(dataDir, "storage");
  const names = readdirSync(storage, { recursive: true }).map(String);
  return new Map(
    names.filter((name) => name.endsWith(".json")).map((name) => [name, readFileSync(join(storage, name), "utf8")]),
  );
}

/** Counts damaged files. `settled` are records of turns that had ended before the failure. */
function judge(records: ReadonlyMap<string, string>, settled: ReadonlyMap<string, string>) {
  const torn = [...records.values()].filter((text) => !parses(text));
  const changed = [...settled].filter(([name, text]) => records.get(name) !== text);
  return {
    unreadableFiles: torn.length,
    emptyFiles: torn.filter((text) => text === "").length,
    changedFiles: changed.length,
  };
}

function sum(findings: readonly Finding[]): FailureOutcome {
  const total = (of: (finding: Finding) => number) => findings.reduce((all, finding) => all + of(finding), 0);
  return {
    failures: findings.length,
    withUnreadableFile: findings.filter(({ unreadableFiles }) => unreadableFiles > 0).length,
    withDeadSession: findings.filter(({ deadSessions }) => deadSessions > 0).length,
    unreadableFiles: total(({ unreadableFiles }) => unreadableFiles),
    emptyFiles: total(({ emptyFiles }) => emptyFiles),
    changedFiles: total(({ changedFiles }) => changedFiles),
  };
}

async function start(home: HermeticHome, model: ModelServer, input: FailureInput): Promise<RunningHost> {
  const settings = { preload: "off", notify: false, atomicWrites: input.atomicWrites };
  await writeFile(join(home.configDir, "session-repair.json"), JSON.stringify(settings));
  return startHost({ home, model, plugins: [pathToFileURL(join(input.dist, "server.js")).href] });
}

function words(random: Random, most: number): string {
  return Array.from({ length: 1 + random.below(most) }, () => `word${random.below(1e6)}`).join(" ");
}

/** A turn of a few steps. It has some tool calls, and a long text at the end. */
function scriptTurn(random: Random): ModelReply[] {
  const steps: ModelReply[] = [];
  while (random.chance(0.4) && steps.length < 3) {
    const command = `echo ${words(random, 40)}`;
    steps.push({ tool: "bash", input: { command, description: "Says something" }, reasoning: words(random, 60) });
  }
  const chunkDelayMs = random.below(3);
  return [...steps, { text: words(random, 4000), reasoning: words(random, 60), chunkDelayMs }];
}

async function newSession(host: RunningHost): Promise<string> {
  return ((await host.post("/session", {})).body as { id: string }).id;
}

/** Sends a prompt. Its answer does not matter. */
function ask(host: RunningHost, sessionID: string, timeoutMs: number): Promise<unknown> {
  const prompt = { parts: [{ type: "text", text: "Tell me." }] };
  return host.request("POST", `/session/${sessionID}/message`, prompt, timeoutMs).catch(() => null);
}

/** Whether a session does not open. `null` if opencode does not answer. */
async function isDead(host: RunningHost, sessionID: string, timeoutMs = PATIENCE_MS): Promise<boolean | null> {
  const statuses = [`/session/${sessionID}/message`, "/session"].map((path) =>
    host.request("GET", path, undefined, timeoutMs).then(
      ({ status }) => status,
      () => null,
    ),
  );
  const [messages, list] = await Promise.all(statuses);
  return messages === null || list === null ? null : messages !== 200 || list !== 200;
}

/** All parts in the store. opencode does not write the parts of an ended turn again. */
function partsIn(dataDir: string): Map<string, string> {
  return new Map([...recordsIn(dataDir)].filter(([name]) => name.startsWith("part/")));
}

const DISK_MB = 2;

/**
 * Fills a real disk of 2 MB at a random moment of a turn, until a few kilobytes or no byte is free. opencode then also
 * tries to write a message, a title and a session. The files are judged after the disk has free space again. Needs
 * Linux and root.
 */
export function fullDisk(input: FailureInput): Promise<FailureOutcome> {
  return repeated(input, fillOnce);
}

async function fillOnce(input: FailureInput, random: Random): Promise<Finding> {
  const home = await createHome(input.version);
  const disk = mountSmallDisk(home.dataDir, DISK_MB);
  if (disk === null) throw new Error("Full disks need root, on Linux.");
  const model = startModelServer();
  let host = await start(home, model, input);
  try {
    const sessionID = await newSession(host);
    model.script({ text: words(random, 200) });
    await ask(host, sessionID, 30_000);
    const settled = partsIn(home.dataDir);
    const steps = scriptTurn(random);
    model.script(...steps);
    const turn = ask(host, sessionID, 4000);
    await sleep(random.below(300 + 400 * steps.length));
    await disk.fill(random.chance(0.5) ? 0 : random.below(24) * 4096);
    await Promise.race([turn, sleep(500 + random.below(1500))]);
    await Promise.all([
      briefly(host, "PATCH", `/session/${sessionID}`, { title: words(random, 20) }),
      briefly(host, "POST", "/session", {}),
      briefly(host, "POST", `/session/${sessionID}/abort`, {}),
    ]);
    await ask(host, sessionID, 1000);
    await briefly(host, "POST", `/session/${sessionID}/abort`, {});
    await disk.free();
    await sleep(300);
    // After its disk was full, opencode may never answer again.
    let dead = await isDead(host, sessionID, 60_000);
    if (dead === null) {
      // If opencode does not answer, it is started again, and then judged by what it can read.
      await host.kill();
      host = await start(home, model, input);
      dead = await isDead(host, sessionID);
    }
    const deadSessions = dead === false ? 0 : 1;
    await host.stop();
    return { ...judge(recordsIn(home.dataDir), settled), deadSessions };
  } finally {
    await host.kill();
    await model.stop();
    disk.unmount();
    await home.remove();
  }
}

function briefly(host: RunningHost, method: string, path: string, body: unknown): Promise<unknown> {
  return host.request(method, path, body, 2000).catch(() => null);
}

/** Kills opencode with SIGKILL at a random moment of a turn, and starts it again with the same store. */
export function killed(input: FailureInput): Promise<FailureOutcome> {
  return repeated(input, killOnce);
}

async function killOnce(input: FailureInput, random: Random): Promise<Finding> {
  const home = await createHome(input.version);
  const model = startModelServer();
  let host = await start(home, model, input);
  try {
    const sessionID = await newSession(host);
    model.script({ text: words(random, 200) });
    await ask(host, sessionID, 30_000);
    const settled = partsIn(home.dataDir);
    const steps = scriptTurn(random);
    model.script(...steps);
    const turn = ask(host, sessionID, 30_000);
    await sleep(random.next() * (500 + 400 * steps.length));
    await host.kill();
    await turn;
    const records = recordsIn(home.dataDir);
    host = await start(home, model, input);
    const deadSessions = (await isDead(host, sessionID)) === false ? 0 : 1;
    return { ...judge(records, settled), deadSessions };
  } finally {
    await host.kill();
    await model.stop();
    await home.remove();
  }
}

/** The number of failures that run at the same time. Each opencode mostly waits for the model. */
const AT_ONCE = 4;

async function repeated(
  input: FailureInput,
  once: (input: FailureInput, random: Random) => Promise<Finding>,
): Promise<FailureOutcome> {
  const limit = pLimit(AT_ONCE);
  const seeds = Array.from({ length: input.count }, (_, index) => input.seed + index);
  return sum(await limit.map(seeds, (own) => once(input, new Random(own))));
}
