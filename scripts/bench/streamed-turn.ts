import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type HostVersion, JSON_HOSTS } from "../../test/host/binary.ts";
import { createHome } from "../../test/host/home.ts";
import { type ModelReply, startModelServer } from "../../test/host/model-server.ts";
import { type RunningHost, startHost } from "../../test/host/running-host.ts";
import { median } from "./statistics.ts";

/**
 * The answers of the simulated model: text as fast as opencode accepts it, text at the speed of a fast model, or tool
 * calls.
 */
const TURNS = {
  flood: [{ text: words(2000) }],
  paced: [{ text: words(300), chunkDelayMs: 10 }],
  tools: [...Array.from({ length: 4 }, toolCall), { text: words(100) }],
} satisfies Readonly<Record<string, readonly ModelReply[]>>;

function words(count: number): string {
  return Array.from({ length: count }, (_, index) => `word${index}`).join(" ");
}

function toolCall(): ModelReply {
  return { tool: "bash", input: { command: "echo done", description: "Says done" }, reasoning: words(50) };
}

/** The time and the CPU time of a turn, without and with the option `atomicWrites`, in milliseconds. */
export interface StreamedTurn {
  readonly without: number;
  readonly withAtomic: number;
  readonly withoutCpu: number;
  readonly withAtomicCpu: number;
}

const CLOCK_TICK_MS = 10;

/** The CPU time that a process and its threads have used so far, in milliseconds. `NaN` if the system is not Linux. */
function cpuOf(pid: number): number {
  if (process.platform !== "linux") return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) * CLOCK_TICK_MS;
}

/**
 * Runs turns in two opencode processes alternately, one without and one with `atomicWrites`. Returns the median time
 * and the mean CPU time.
 */
export async function streamedTurn(
  version: HostVersion,
  dist: string,
  runs: number,
  kind: keyof typeof TURNS = "flood",
): Promise<StreamedTurn> {
  const plugins = [pathToFileURL(join(dist, "server.js")).href];
  const model = startModelServer();
  const hosts: RunningHost[] = [];
  const turn = async (host: RunningHost): Promise<number> => {
    const { id } = (await host.post("/session", {})).body as { id: string };
    model.script(...TURNS[kind]);
    const started = performance.now();
    const answer = await host.post(`/session/${id}/message`, { parts: [{ type: "text", text: "Tell me." }] });
    if (answer.status !== 200) throw new Error(`the turn failed: ${answer.status}`);
    return performance.now() - started;
  };
  try {
    for (const atomicWrites of [false, true]) {
      const home = await createHome(version);
      await writeFile(join(home.configDir, "session-repair.json"), JSON.stringify({ preload: "off", atomicWrites }));
      hosts.push(await startHost({ home, model, plugins }));
    }
    const times: number[][] = [[], []];
    for (const host of hosts) await turn(host);
    const begun = hosts.map(({ pid }) => cpuOf(pid));
    for (let run = 0; run < runs; run += 1) {
      const order = [...hosts.entries()];
      for (const [index, host] of run % 2 === 0 ? order : order.reverse()) times[index]?.push(await turn(host));
    }
    const [without = 0, withAtomic = 0] = times.map(median);
    const [withoutCpu = 0, withAtomicCpu = 0] = hosts.map(
      ({ pid }, index) => (cpuOf(pid) - (begun[index] ?? 0)) / runs,
    );
    return { without, withAtomic, withoutCpu, withAtomicCpu };
  } finally {
    for (const host of hosts) {
      await host.stop();
      await host.home.remove();
    }
    await model.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turn: { type: "string", default: "flood" },
      runs: { type: "string", default: "21" },
      host: { type: "string", default: "1.1.65" },
    },
  });
  const kind = (Object.keys(TURNS) as (keyof typeof TURNS)[]).find((known) => known === values.turn);
  const version = JSON_HOSTS.find((known) => known === values.host);
  if (kind === undefined || version === undefined) {
    throw new Error(`--turn takes one of ${Object.keys(TURNS).join(", ")}; --host one of ${JSON_HOSTS.join(", ")}.`);
  }
  const result = await streamedTurn(version, join(import.meta.dirname, "..", "..", "dist"), Number(values.runs), kind);
  const ratio = result.without / result.withAtomic;
  process.stdout.write(`${JSON.stringify({ version, kind, throughput: ratio, ...result })}\n`);
}

if (import.meta.main) await main();
