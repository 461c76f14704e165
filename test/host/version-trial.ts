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

/** What is tried on every version of opencode, in this order. */
export const TRIALS = ["oracle", "start", "undo", "repair"] as const;

export type Trial = (typeof TRIALS)[number];

/**
 * For each trial `ok`, or what happened instead, in words. `unavailable`: why this opencode version could not be run.
 */
export type Outcome = { readonly unavailable: string } | Readonly<Record<Trial, string>>;

/** Each boot of a project writes these into its row, and opencode its plugin's answers beside. */
const WRITTEN_AT_BOOT = ["project.time_updated", "project.time_initialized"];

/**
 * Tries one version of opencode: whether `check` agrees with it on `count` damages (oracle); whether a session that was
 * damaged opens at the first try with the plugin (start); whether undoing that brings every byte back (undo); whether the
 * command line's repair makes it open without the plugin (repair).
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

/** What users have: the records, without what every boot of opencode writes. */
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
