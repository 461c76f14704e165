import { pathToFileURL } from "node:url";
import { storedRuns } from "../../plugin/api.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { runOracle } from "../oracle/oracle.ts";
import { builtPackage } from "../package/built.ts";
import { until } from "../process/until.ts";
import { emptyPart } from "../terminal/damage-part.ts";
import { type HostVersion, hostBinary } from "./binary.ts";
import { type RunningHost, startHost } from "./running-host.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

/** The trials of each version of opencode, in this order. */
export const TRIALS = ["oracle", "start", "undo", "repair"] as const;

export type Trial = (typeof TRIALS)[number];

/**
 * The result of each trial: `ok`, or a description of what happened instead. `unavailable` says why this version could
 * not run.
 */
export type Outcome = { readonly unavailable: string } | Readonly<Record<Trial, string>>;

/** opencode writes these columns at each boot of a project. */
const WRITTEN_AT_BOOT = ["project.time_updated", "project.time_initialized"];

/**
 * Tries one version of opencode. `oracle`: whether `check` and opencode agree on `count` damages. `start`: whether a
 * damaged session opens at the first request with the plugin. `undo`: whether an undo restores every byte. `repair`:
 * whether the session opens without the plugin after a repair.
 */
export async function tryVersion(version: HostVersion, seed: number, count: number): Promise<Outcome> {
  try {
    await hostBinary(version);
  } catch (error) {
    return { unavailable: wordsOf(error) };
  }
  const oracle = await words(async () => {
    const { mutations, disagreements, failing } = await runOracle({ version, seed, count });
    if (disagreements.length > 0) return `${disagreements.length} of ${mutations} disagree, seed ${seed}`;
    return failing > 0 ? "ok" : "nothing that opencode fails on was tried";
  });
  return { oracle, ...(await lifeOf(version)) };
}

async function lifeOf(version: HostVersion): Promise<Readonly<Record<Exclude<Trial, "oracle">, string>>> {
  const told = { start: "not tried", undo: "not tried", repair: "not tried" };
  try {
    const store = await realStore(version);
    try {
      const session = store.sessions.plain;
      emptyPart(store, session);
      const damaged = await recordsOf(store);
      const plugins = [pathToFileURL(`${await builtPackage()}/server.js`).href];
      told.start = await words(() =>
        withHost(store, plugins, async (host) => {
          const { status } = await host.get(`/session/${session.id}/message`);
          if (status === 200) return "ok";
          await until(async () => (await host.get(`/session/${session.id}/message`)).status === 200, `stays ${status}`);
          return "opens later, not at the first try";
        }),
      );
      const tool = await toolFor(store.dataDir);
      told.undo = await words(async () => {
        const [run] = await storedRuns(nodeFileSystem, store.dataDir);
        if (run?.ok !== true) return "there is no run to undo";
        await tool.restore(run.manifest.runID);
        return Bun.deepEquals(await recordsOf(store), damaged) ? "ok" : "not every byte is back";
      });
      told.repair = await words(async () => {
        const { stopped } = await tool.repair();
        if (stopped !== null) return stopped.message;
        const status = await withHost(
          store,
          [],
          async (host) => (await host.get(`/session/${session.id}/message`)).status,
        );
        return status === 200 ? "ok" : `the session answers ${status} after it`;
      });
    } finally {
      await store.home.remove();
    }
  } catch (error) {
    return { ...told, start: wordsOf(error) };
  }
  return told;
}

/** The records of the users, without the values that each boot of opencode writes. */
async function recordsOf({ dataDir }: RealStore): Promise<Readonly<Record<string, string>>> {
  const image = await storeImage(dataDir, WRITTEN_AT_BOOT);
  const isOfUser = (name: string) => !/^(storage\/(project|migration)|\.session-repair|log|bin)/.test(name);
  return Object.fromEntries(Object.entries(image).filter(([name]) => isOfUser(name)));
}

async function withHost<T>(
  store: RealStore,
  plugins: readonly string[],
  work: (host: RunningHost) => Promise<T>,
): Promise<T> {
  const host = await startHost({ home: store.home, plugins });
  try {
    return await work(host);
  } finally {
    await host.stop();
  }
}

async function words(trial: () => Promise<string>): Promise<string> {
  return trial().catch(wordsOf);
}

function wordsOf(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line.slice(0, 120);
}
