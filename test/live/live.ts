import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { type HostVersion, isJsonHost } from "../host/binary.ts";
import { startModelServer } from "../host/model-server.ts";
import { startHost } from "../host/running-host.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { trustedManifest } from "../host/tool.ts";
import { Random } from "../oracle/random.ts";
import { builtPackage } from "../package/built.ts";
import { peakBytesOf } from "../process/peak-memory.ts";
import { type CommandLine, type CommandRecord, command, newCommandRecord, run } from "./commands.ts";
import { converse, improvise, listen, missing, newRecord } from "./conversations.ts";
import type { Holds } from "./prober.ts";
import type { SlowWrites } from "./slow-writer.ts";
import { type Victims, victimsIn } from "./victims.ts";

export interface LiveOptions {
  readonly version: HostVersion;
  readonly durationMs: number;
  /** The run continues until at least this many turns have ended, however slow the machine is. */
  readonly leastTurns?: number;
  readonly seed: number;
  /** Whether the plugin makes a JSON host replace each file in one step. By default, the plugin does so. */
  readonly atomicWrites: boolean;
  /** Runs opencode without the plugin, to see what opencode does by itself. */
  readonly isBare?: boolean;
}

export interface LiveResult {
  readonly turns: number;
  readonly toolCalls: number;
  readonly parts: number;
  readonly announced: number;
  readonly failedTurns: readonly string[];
  readonly lostParts: readonly string[];
  /** Records in quarantine that the test never damaged. */
  readonly falseQuarantines: readonly string[];
  readonly commands: Omit<CommandRecord, "unexpected">;
  readonly unexpected: readonly string[];
  /** How many records were quarantined or recovered, by trigger and remedy. */
  readonly mended: Readonly<Record<string, number>>;
  /**
   * For each process, the longest times in milliseconds for which it held the database's write lock. `null` for a JSON
   * store.
   */
  readonly holds: {
    readonly attempts: number;
    /**
     * The longest time between two attempts of the probe. During that time, the probe could not see who held the lock.
     */
    readonly longestGapMs: number;
    readonly host: readonly number[];
    /**
     * The durations of the plugin's own transactions, measured inside the host's process. They are part of the times in
     * `host`.
     */
    readonly plugin: readonly number[];
    readonly others: readonly number[];
  } | null;
  /**
   * How many files another process wrote slowly, and how many of them did not have that content afterwards. `null` for
   * a database.
   */
  readonly slowWrites: SlowWrites | null;
  /** The most memory that the host used, or 0 if the system does not tell. */
  readonly hostPeakMB: number;
}

/** How many sessions the host works on at the same time. */
const CONVERSATIONS = 3;

/** How many command lines run at the same time. */
const COMMAND_LINES = 2;

const MANY_EVERY_MS = 15_000;
const MANY = 600;

/**
 * A real host with the plugin streams turns with tool calls as fast as it can. Meanwhile, the test damages records of
 * other sessions, and two command lines check, repair and restore all the time.
 */
export async function runLive(options: LiveOptions): Promise<LiveResult> {
  const { version, durationMs, seed } = options;
  const random = new Random(seed);
  const store = await realStore(version);
  const dist = await builtPackage();
  const victims = victimsIn(store);
  const model = startModelServer(improvise);
  const settings = { atomicWrites: options.atomicWrites };
  await writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(settings));
  const record = newRecord();
  const commands = newCommandRecord();
  const line: CommandLine = {
    entry: join(dist, "cli.js"),
    dataDir: store.dataDir,
    runtimes: [process.execPath, "node"],
  };
  try {
    const entries = [join(import.meta.dirname, "timed-transactions.ts"), join(dist, "server.js")];
    const plugins = options.isBare === true ? [] : entries.map((path) => pathToFileURL(path).href);
    const transactions = join(store.home.configDir, "timed-transactions");
    const host = await startHost({ home: store.home, model, plugins, env: { TIMED_TRANSACTIONS: transactions } });
    const helpers = await startHelpers(store, victims);
    let hostPeakMB = 0;
    try {
      await host.get("/session");
      const listening = new AbortController();
      const listener = listen(host, record, listening.signal);
      const until = performance.now() + durationMs;
      const isOver = () => performance.now() > until && record.turns >= (options.leastTurns ?? 0);
      const healthy = () => new Set(record.sessions.keys());
      const seeded = (count: number) => Array.from({ length: count }, () => new Random(random.below(2 ** 31)));
      await Promise.all([
        ...seeded(CONVERSATIONS).map((own) => converse(host, record, own, isOver)),
        ...seeded(COMMAND_LINES).map((own) => command(line, commands, healthy, own, isOver)),
        damage(victims, random, isOver),
      ]);
      listening.abort();
      await listener;
      hostPeakMB = peakMB(host.pid);
    } finally {
      await helpers.end();
      await host.stop();
    }
    const ended = await helpers.results();
    await settle(line, commands, random);
    const lostParts = await lost(store, record);
    return {
      turns: record.turns,
      toolCalls: record.toolCalls,
      parts: [...record.sessions.values()].reduce((sum, parts) => sum + parts.size, 0),
      announced: [...record.announced.values()].reduce((sum, parts) => sum + parts.size, 0),
      failedTurns: record.failed,
      lostParts,
      commands: { statuses: commands.statuses, steppedAside: commands.steppedAside },
      unexpected: commands.unexpected,
      ...(await quarantined(store, victims)),
      holds: ended.holds && {
        attempts: ended.holds.attempts,
        longestGapMs: ended.holds.longestGapMs,
        host: ended.holds.holds.filter(({ pid }) => pid === host.pid).map(({ ms }) => ms),
        plugin: await timesIn(transactions),
        others: ended.holds.holds.filter(({ pid }) => pid !== host.pid && pid !== process.pid).map(({ ms }) => ms),
      },
      slowWrites: ended.slowWrites,
      hostPeakMB,
    };
  } finally {
    victims.close();
    await model.stop();
    await store.home.remove();
  }
}

/** The durations in the file, in milliseconds, longest first. */
async function timesIn(path: string): Promise<number[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(Number)
    .sort((a, b) => b - a);
}

function peakMB(pid: number): number {
  try {
    return Math.round(peakBytesOf(pid) / 2 ** 20);
  } catch {
    return 0;
  }
}

async function damage(victims: Victims, random: Random, isOver: () => boolean): Promise<void> {
  let many = performance.now() + 2000;
  while (!isOver()) {
    if (performance.now() > many) {
      victims.damageMany(random, MANY);
      many = performance.now() + MANY_EVERY_MS;
    } else victims.damageSome(random);
    await sleep(500 + random.below(1500));
  }
}

interface Helpers {
  end(): Promise<void>;
  results(): Promise<{ readonly holds: Holds | null; readonly slowWrites: SlowWrites | null }>;
}

/**
 * Starts a second process. For a database, the process asks for the write lock all the time. For a JSON store, it
 * writes files slowly.
 */
async function startHelpers(store: RealStore, { slowlyWritten }: Victims): Promise<Helpers> {
  const isJson = isJsonHost(store.home.version);
  const args = isJson
    ? [join(import.meta.dirname, "slow-writer.ts"), ...slowlyWritten]
    : [join(import.meta.dirname, "prober.ts"), join(store.dataDir, "opencode.db")];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const out: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => out.push(data));
  const closed = once(child, "close");
  await Promise.race([once(child.stdout, "data"), closed]);
  return {
    async end() {
      child.stdin.end();
      await closed;
    },
    async results() {
      const result: unknown = JSON.parse(Buffer.concat(out).toString("utf8").trim().split("\n").at(-1) ?? "");
      return isJson ? { holds: null, slowWrites: result as SlowWrites } : { holds: result as Holds, slowWrites: null };
    },
  };
}

/** One command repairs all damage that is left at the end. After that, a check must find the store healthy. */
async function settle(line: CommandLine, record: CommandRecord, random: Random): Promise<void> {
  for (const args of [["repair", "--yes"], ["check"]]) {
    const { code, stdout, stderr } = await run(line, random, args);
    if (code !== 0) record.unexpected.push(`at the end, ${args.join(" ")} ${code}: ${stderr.trim()} ${stdout.trim()}`);
  }
}

/** What a restarted host without the plugin does not return any more. */
async function lost(store: RealStore, record: ReturnType<typeof newRecord>): Promise<string[]> {
  const host = await startHost({ home: store.home });
  try {
    return await missing(host, record);
  } finally {
    await host.stop();
  }
}

async function quarantined(
  store: RealStore,
  victims: Victims,
): Promise<Pick<LiveResult, "falseQuarantines" | "mended">> {
  const falseQuarantines: string[] = [];
  const mended: Record<string, number> = {};
  for (const run of await storedRuns(nodeFileSystem, store.dataDir)) {
    if (!run.ok) {
      falseQuarantines.push(`${run.folder}: ${run.problem}`);
      continue;
    }
    const { sessionID, trigger, items, state } = run.manifest;
    if (state === "done") await trustedManifest(join(run.folder, "manifest.json"));
    for (const { recordID, remedy } of items) {
      mended[`${trigger} ${remedy}`] = (mended[`${trigger} ${remedy}`] ?? 0) + 1;
      if (!victims.sessionIDs.has(sessionID ?? "") || !victims.damaged.has(recordID ?? "")) {
        falseQuarantines.push(`${sessionID} ${recordID}`);
      }
    }
  }
  return { falseQuarantines, mended };
}

/**
 * The longest time in milliseconds for which a command line or the plugin may hold the write lock. Longer times of
 * opencode's own process are shown, but do not fail the test: opencode holds the lock as long without the plugin
 * (`--bare`).
 */
const LONGEST_HOLD_MS = 100;

/** A description of everything that happened and must not happen. */
export function faultsOf(result: LiveResult): string[] {
  const { failedTurns, lostParts, falseQuarantines, unexpected, holds, slowWrites } = result;
  return [
    ...failedTurns.map((text) => `failed turn: ${text}`),
    ...lostParts.map((text) => `lost part: ${text}`),
    ...falseQuarantines.map((text) => `taken though healthy: ${text}`),
    ...unexpected.map((text) => `unexpected: ${text}`),
    ...(holds === null ? [] : [...holds.others, ...holds.plugin])
      .filter((ms) => ms > LONGEST_HOLD_MS)
      .map((ms) => `the write lock was held for ${Math.round(ms)} ms`),
    ...(slowWrites === null || slowWrites.lost === 0 ? [] : [`${slowWrites.lost} files taken in mid-write`]),
  ];
}
