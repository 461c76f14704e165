import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { HermeticHome } from "../../test/host/home.ts";
import { startHost } from "../../test/host/running-host.ts";
import { median } from "./statistics.ts";

export interface FirstAnswer {
  /** The median time from the first request to a fresh opencode until its answer, in milliseconds. */
  readonly without: number;
  readonly withPlugin: number;
  /** The median of the differences between two runs that followed each other, in milliseconds. */
  readonly later: number;
}

/** Writes a plugin that does nothing, as the baseline for a comparison. */
export async function emptyPlugin(home: HermeticHome): Promise<string> {
  const path = join(home.root, "empty-plugin.js");
  await writeFile(path, "export default async () => ({});\n");
  return pathToFileURL(path).href;
}

/**
 * Measures in milliseconds how long opencode takes to give its first answer with each plugin. The plugins take turns,
 * and each measurement starts a new opencode process. `path` is the route of the request. `before` is called before
 * each start.
 */
export async function answersWith(
  home: HermeticHome,
  plugins: readonly string[],
  path: string,
  runs: number,
  before: () => Promise<void>,
): Promise<readonly (readonly number[])[]> {
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
  for (const plugin of plugins) await timed(plugin);
  const times: number[][] = plugins.map(() => []);
  for (let run = 0; run < runs; run += 1) {
    for (const [at, plugin] of plugins.entries()) times[at]?.push(await timed(plugin));
  }
  return times;
}

/** Measures how much later opencode's first answer comes with this plugin than with an empty plugin. */
export async function firstAnswer(
  home: HermeticHome,
  ours: string,
  path: string,
  runs: number,
  before: () => Promise<void>,
): Promise<FirstAnswer> {
  const [without = [], withPlugin = []] = await answersWith(home, [await emptyPlugin(home), ours], path, runs, before);
  const later = withPlugin.map((time, run) => time - (without[run] ?? 0));
  return { without: median(without), withPlugin: median(withPlugin), later: median(later) };
}
