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

/** Milliseconds that the plugin works until it knows all of a store to be healthy, without the pauses that it makes. */
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
  /** Medians in milliseconds. */
  readonly first: number;
  readonly second: number;
}

/** Has the plugin find all of a store healthy and remember it. */
export async function becomeKnown(store: KeptStore): Promise<void> {
  await start(store);
}

/** The first start of the plugin on a store and the next one, alternating. */
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
