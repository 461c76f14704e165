import { DEFAULT_SETTINGS } from "../../plugin/configuration/options.ts";
import {
  checkBeforeLoad,
  checkEverything,
  followStores,
  type StartCheckInput,
} from "../../plugin/opencode/start-check.ts";
import { ValidatedMemory } from "../../plugin/opencode/validated-memory.ts";
import { nodeFileSystem as files } from "../../plugin/platform/file-system.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { forget, type KeptStore } from "./kept-store.ts";
import { median } from "./statistics.ts";

/**
 * Measures how long the plugin works until it has found a whole store healthy, in milliseconds. The pauses between its
 * steps are not counted.
 */
async function start(store: KeptStore): Promise<number> {
  const found = await locate(files, { env: {}, dataDir: store.dataDir });
  if (!found.ok) throw new Error(found.message);
  const located = {
    ...found.located,
    json: found.located.databases.length > 0 ? ("none" as const) : found.located.json,
  };
  const started = performance.now();
  const memory = new ValidatedMemory(store.dataDir, store.version);
  const input: StartCheckInput = {
    files,
    located,
    projectID: store.projectID,
    settings: DEFAULT_SETTINGS,
    hostVersion: store.version,
    memory,
  };
  const stores = followStores(await openStores(files, located, "beside-host", store.version));
  const damaged = [...(await checkBeforeLoad(input, stores, new AbortController().signal))];
  for (const followed of stores) {
    if (followed.follower?.isFollowing()) continue;
    followed.follower?.begin();
    await checkEverything(
      input,
      followed,
      async () => undefined,
      async (findings) => void damaged.push(...findings),
    );
    followed.follower?.remember(memory);
  }
  memory.save();
  const taken = performance.now() - started;
  for (const { opened } of stores) opened.store.close();
  if (damaged.length > 0) throw new Error(`${damaged.length} findings in a healthy store`);
  return taken;
}

export interface TwoStarts {
  /** The median times of the first and of the second start, in milliseconds. */
  readonly first: number;
  readonly second: number;
}

/** Lets the plugin check a whole store and write its index, so that the next start is a second start. */
export async function becomeKnown(store: KeptStore): Promise<void> {
  await start(store);
}

/** Measures the first start of the plugin on a store and the start after it, in turn. */
export async function twoStarts(store: KeptStore, runs: number): Promise<TwoStarts> {
  const times: { first: number[]; second: number[] } = { first: [], second: [] };
  for (let run = 0; run <= runs; run += 1) {
    await forget(store);
    const [first, second] = [await start(store), await start(store)];
    if (run === 0) continue;
    times.first.push(first);
    times.second.push(second);
  }
  await forget(store);
  return { first: median(times.first), second: median(times.second) };
}
