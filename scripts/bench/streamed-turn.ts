import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { HostVersion } from "../../test/host/binary.ts";
import { createHome } from "../../test/host/home.ts";
import { startModelServer } from "../../test/host/model-server.ts";
import { type RunningHost, startHost } from "../../test/host/running-host.ts";
import { median } from "./statistics.ts";

const WORDS = 2000;

/** One turn whose answer the model streams as fast as opencode takes it. Returns milliseconds. */
async function turn(host: RunningHost, model: ReturnType<typeof startModelServer>): Promise<number> {
  const { id } = (await host.post("/session", {})).body as { id: string };
  model.script({ text: Array.from({ length: WORDS }, (_, index) => `word${index}`).join(" ") });
  const started = performance.now();
  const answer = await host.post(`/session/${id}/message`, { parts: [{ type: "text", text: "Tell me." }] });
  if (answer.status !== 200) throw new Error(`the turn failed: ${answer.status}`);
  return performance.now() - started;
}

/** Medians of a streamed turn's time without and with `atomicWrites`, in milliseconds; two hosts, alternating. */
export async function streamedTurn(version: HostVersion, dist: string, runs: number) {
  const plugins = [pathToFileURL(join(dist, "server.js")).href];
  const model = startModelServer();
  const hosts: RunningHost[] = [];
  try {
    for (const atomicWrites of [false, true]) {
      const home = await createHome(version);
      await writeFile(join(home.configDir, "session-repair.json"), JSON.stringify({ preload: "off", atomicWrites }));
      hosts.push(await startHost({ home, model, plugins }));
    }
    const times: number[][] = [[], []];
    for (const host of hosts) await turn(host, model);
    for (let run = 0; run < runs; run += 1) {
      for (const [index, host] of hosts.entries()) times[index]?.push(await turn(host, model));
    }
    const [without, withAtomic] = times.map(median);
    return { without, withAtomic };
  } finally {
    for (const host of hosts) {
      await host.stop();
      await host.home.remove();
    }
    await model.stop();
  }
}
