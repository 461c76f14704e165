import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { startHost } from "../../test/host/running-host.ts";
import type { RealStore } from "../../test/host/stored-fixture.ts";
import { median } from "./statistics.ts";

export interface FirstAnswer {
  /** Medians in milliseconds, from the first request of a fresh opencode to its answer. */
  readonly without: number;
  readonly withPlugin: number;
}

/**
 * How much later opencode's first answer comes with the plugin than with one that does nothing; fresh processes,
 * alternating. `path`: the route that is asked.
 */
export async function firstAnswer(store: RealStore, dist: string, path: string, runs: number): Promise<FirstAnswer> {
  const empty = join(store.home.root, "empty-plugin.js");
  await writeFile(empty, "export default async () => ({});\n");
  const timed = async (plugin: string): Promise<number> => {
    const host = await startHost({ home: store.home, plugins: [pathToFileURL(plugin).href] });
    try {
      const started = performance.now();
      const { status } = await host.get(path);
      if (status !== 200) throw new Error(`${path}: ${status}`);
      return performance.now() - started;
    } finally {
      await host.stop();
    }
  };
  const ours = join(dist, "server.js");
  for (const plugin of [empty, ours]) await timed(plugin);
  const times: { without: number[]; withPlugin: number[] } = { without: [], withPlugin: [] };
  for (let run = 0; run < runs; run += 1) {
    times.without.push(await timed(empty));
    times.withPlugin.push(await timed(ours));
  }
  return { without: median(times.without), withPlugin: median(times.withPlugin) };
}
