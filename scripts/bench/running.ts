import { readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startModelServer } from "../../test/host/model-server.ts";
import { startHost } from "../../test/host/running-host.ts";
import { emptyPlugin } from "./first-answer.ts";
import { forget, homeOf, type KeptStore } from "./kept-store.ts";
import { median } from "./statistics.ts";

/** How many clock ticks a second has in /proc/PID/stat. On Linux the number is always 100. */
const TICKS = 100;

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Measures how many seconds of CPU time an idle opencode uses, after the plugin has checked everything. */
export async function idleCpu(store: KeptStore, ours: string, seconds: number) {
  const home = await homeOf(store);
  try {
    const taken: number[] = [];
    for (const plugin of [await emptyPlugin(home), ours]) {
      const host = await startHost({ home, plugins: [plugin] });
      try {
        await host.get("/session");
        for (let waited = 0; plugin === ours && !isChecked(store) && waited < 300; waited += 1) await sleep(1000);
        await settled(host.pid);
        const before = cpuSeconds(host.pid);
        await sleep(seconds * 1000);
        taken.push(cpuSeconds(host.pid) - before);
      } finally {
        await host.stop();
      }
    }
    const [without = 0, withPlugin = 0] = taken;
    return { without, withPlugin };
  } finally {
    await home.remove();
  }
}

/**
 * Resolves when a process has used less than 2 % of a core for five seconds, and at least twelve seconds have passed.
 */
export async function settled(pid: number): Promise<void> {
  await sleep(7000);
  for (let waited = 0; waited < 60; waited += 1) {
    const before = cpuSeconds(pid);
    await sleep(5000);
    if (cpuSeconds(pid) - before < 0.1) return;
  }
}

const WORDS = 2000;

/**
 * Measures the time of a streamed turn while the plugin checks the store in the background, and with an empty plugin.
 * Returns the medians. `atomicWrites` is off, because its cost is measured elsewhere.
 */
export async function turnDuringCheck(store: KeptStore, ours: string, runs: number) {
  const home = await homeOf(store);
  const model = startModelServer();
  try {
    const timed = async (plugin: string): Promise<number> => {
      await forget(store);
      const host = await startHost({ home, model, plugins: [plugin] });
      try {
        const { id } = (await host.post("/session", {})).body as { id: string };
        // The background check begins 1.5 s after the start of opencode.
        await sleep(2000);
        model.script({ text: Array.from({ length: WORDS }, (_, index) => `word${index}`).join(" ") });
        const started = performance.now();
        const answer = await host.post(`/session/${id}/message`, { parts: [{ type: "text", text: "Tell me." }] });
        if (answer.status !== 200) throw new Error(`the turn failed: ${answer.status}`);
        const taken = performance.now() - started;
        if (plugin === ours && isChecked(store))
          throw new Error("the check ended before the turn; take a larger store");
        await host.request("DELETE", `/session/${id}`);
        return taken;
      } finally {
        await host.stop();
      }
    };
    await writeFile(join(home.configDir, "session-repair.json"), JSON.stringify({ atomicWrites: false }));
    const empty = await emptyPlugin(home);
    for (const plugin of [empty, ours]) await timed(plugin);
    const times: { without: number[]; withPlugin: number[] } = { without: [], withPlugin: [] };
    for (let run = 0; run < runs; run += 1) {
      times.without.push(await timed(empty));
      times.withPlugin.push(await timed(ours));
    }
    return { without: median(times.without), withPlugin: median(times.withPlugin) };
  } finally {
    await model.stop();
    await home.remove();
  }
}

/** Whether the plugin has checked everything: it writes its index at the end of the check. */
function isChecked({ dataDir }: KeptStore): boolean {
  return statSync(join(dataDir, ".session-repair-index.json"), { throwIfNoEntry: false }) !== undefined;
}
