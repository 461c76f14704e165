import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { HermeticHome } from "../../test/host/home.ts";
import { startHost } from "../../test/host/running-host.ts";
import { median } from "./statistics.ts";

export interface FirstAnswer {
  /** Medians in milliseconds, from the first request of a fresh opencode to its answer. */
  readonly without: number;
  readonly withPlugin: number;
  /** The median of how much later it is in each pair of runs. */
  readonly later: number;
}

/** Writes a plugin that does nothing, to be compared with. */
export async function emptyPlugin(home: HermeticHome): Promise<string> {
  const path = join(home.root, "empty-plugin.js");
  await writeFile(path, "export default async () => ({});\n");
  return pathToFileURL(path).href;
}

/**
 * How much later opencode's first answer comes with the plugin than with one that does nothing; fresh processes,
 * alternating. `path`: the route that is asked. `before`: done before each start.
 */
export async function firstAnswer(
  home: HermeticHome,
  ours: string,
  path: string,
  runs: number,
  before: () => Promise<void>,
): Promise<FirstAnswer> {
  const empty = await emptyPlugin(home);
  const timed = async (plugin: string): Promise<number> => {
    await before();
    const host = await startHost({ home, plugins: [plugin] });
    try {
      const started = performance.now();
      const { status } = await host.get(path);
      if (status !== 200) throw new Error(`${path}: ${status}`);
      return performance.now() - started;
    } finally {
      await host.stop();
    }
  };
  for (const plugin of [empty, ours]) await timed(plugin);
  const times: { without: number[]; withPlugin: number[] } = { without: [], withPlugin: [] };
  for (let run = 0; run < runs; run += 1) {
    times.without.push(await timed(empty));
    times.withPlugin.push(await timed(ours));
  }
  const later = times.withPlugin.map((time, run) => time - (times.without[run] ?? 0));
  return { without: median(times.without), withPlugin: median(times.withPlugin), later: median(later) };
}
