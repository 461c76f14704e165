import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { nodeFileSystem } from "../../../plugin/platform/file-system.ts";
import { storedRunID, storedRuns } from "../../../plugin/quarantine/vault.ts";
import type { HostVersion } from "../../host/binary.ts";
import { type RunningHost, startHost } from "../../host/running-host.ts";
import { askAbout, type SessionAnswers, statusesOf } from "../../host/session-answers.ts";
import { storeImage } from "../../host/store-image.ts";
import { type RealStore, realStore } from "../../host/stored-fixture.ts";
import { blockingOf, type Tool, toolFor, trustedManifest } from "../../host/tool.ts";
import { Random } from "../../oracle/random.ts";
import { SqliteRecords } from "../../oracle/sqlite-records.ts";
import { builtPackage } from "../../package/built.ts";

export interface RecoveryResult {
  /** The number of damages on which the host failed. */
  readonly failing: number;
  /** How many of these damages were repaired so that the host answered as before the damage. */
  readonly identical: number;
  /** A description of each of the other damages: what was damaged, what was done, and which answers differ. */
  readonly others: readonly string[];
}

/**
 * `command` repairs everything that a user can ask for. `unasked` repairs only what needs no request. `start` starts
 * opencode with the plugin.
 */
export const MENDED_BY = ["command", "unasked", "start"] as const;

export interface RecoveryInput {
  readonly version: HostVersion;
  readonly seed: number;
  /** The experiment ends after this many damages on which the host fails. */
  readonly count: number;
  /** The default is `command`. */
  readonly mendedBy?: (typeof MENDED_BY)[number];
  readonly onOther?: (words: string) => void;
}

/** The answers about a session. Answers about its project are not compared. */
const ROUTES = ["list", "info", "messages", "todo", "diff"] as const;

/**
 * Damages one record at a time of a store whose host logs its writes, and repairs it. Compares every answer of the host
 * with the answer before the damage, and undoes the repair. The experiment stops with an error if the store is then not
 * the same as before the repair.
 */
export async function runRecovery({
  version,
  seed,
  count,
  mendedBy = "command",
  onOther,
}: RecoveryInput): Promise<RecoveryResult> {
  const store = await realStore(version);
  const host = await startHost({ home: store.home, config: { snapshot: false } });
  await host.get("/session");
  const records = new SqliteRecords(join(store.dataDir, "opencode.db"));
  const tool = await toolFor(store.dataDir);
  const healthy = new Map<string, SessionAnswers>();
  const random = new Random(seed);
  const others: string[] = [];
  let [failing, identical] = [0, 0];
  try {
    for (const id of store.sessionIDs) healthy.set(id, await askAbout(host, id));
    while (failing < count) {
      const record = await records.damageOne(random);
      if (record === null) continue;
      const wanted = record.sessionID === null ? undefined : healthy.get(record.sessionID);
      if (wanted === undefined || record.sessionID === null || record.kind === "todo" || record.kind === "project") {
        await record.undo();
        continue;
      }
      const damaged = await askAbout(host, record.sessionID);
      // All answers of the host are in order, for example because the damage only moved the session to another folder's
      // list.
      if (Object.values(statusesOf(damaged)).every((status) => status === 200)) {
        await record.undo();
        continue;
      }
      failing += 1;
      const before = await storeImage(store.dataDir, []);
      const { answers, actions, manifests, runIDs } = await mended(mendedBy, { store, host, tool }, record.sessionID);
      const differing = ROUTES.filter((route) => JSON.stringify(answers[route]) !== JSON.stringify(wanted[route]));
      if (differing.length === 0) identical += 1;
      else {
        const done = actions.join(", ") || "nothing done";
        const words = `${record.locator}: ${record.what}: ${done}; ${JSON.stringify(statusesOf(answers))}, other answer of ${differing.join(", ")}`;
        others.push(words);
        onOther?.(words);
      }
      for (const manifest of manifests) await trustedManifest(manifest);
      for (const runID of runIDs) await tool.restore(runID);
      // Later starts do not repair a restored record. The next damage may be the same, so the run folders are removed.
      for (const manifest of manifests) await rm(dirname(manifest), { recursive: true });
      const after = await storeImage(store.dataDir, []);
      // opencode itself writes to the store when it starts.
      const isExact = mendedBy === "start" || JSON.stringify(after) === JSON.stringify(before);
      if (!isExact) throw new Error(`${record.locator}: the undo is not exact`);
      await record.undo();
    }
    const left = blockingOf(await tool.check());
    if (left.length > 0) throw new Error(`the store is damaged in the end: ${JSON.stringify(left)}`);
    return { failing, identical, others };
  } finally {
    records.close();
    await host.stop();
    await store.home.remove();
  }
}

interface Bench {
  readonly store: RealStore;
  readonly host: RunningHost;
  readonly tool: Tool;
}

/** What was done about a damage, and what the host answers after that. */
interface Mended {
  readonly answers: SessionAnswers;
  readonly actions: readonly string[];
  readonly manifests: readonly string[];
  /** The ids of the runs, newest first. */
  readonly runIDs: readonly string[];
}

async function mended(by: (typeof MENDED_BY)[number], bench: Bench, sessionID: string): Promise<Mended> {
  const { store, host, tool } = bench;
  if (by === "start") return mendedByStart(store, sessionID);
  const result = by === "unasked" ? await tool.repairUnasked() : await tool.repair();
  const actions = result.items.map((item) => `${item.action} ${item.code} ${item.reason ?? ""}`);
  return {
    answers: await askAbout(host, sessionID),
    actions,
    manifests: result.manifests,
    runIDs: result.runID === null ? [] : [result.runID],
  };
}

/** Starts opencode with the plugin, and returns its first answers. */
async function mendedByStart(store: RealStore, sessionID: string): Promise<Mended> {
  const known = new Set((await storedRuns(nodeFileSystem, store.dataDir)).map(({ folder }) => folder));
  const plugins = [pathToFileURL(join(await builtPackage(), "server.js")).href];
  const started = await startHost({ home: store.home, config: { snapshot: false }, plugins });
  let answers: SessionAnswers;
  try {
    answers = await askAbout(started, sessionID);
  } finally {
    await started.stop();
  }
  const runs = (await storedRuns(nodeFileSystem, store.dataDir)).filter(({ folder }) => !known.has(folder));
  const items = runs.flatMap((run) => (run.ok ? run.manifest.items : []));
  return {
    answers,
    actions: items.map(({ remedy, code, state }) => `${remedy} ${code} ${state}`),
    manifests: runs.map(({ folder }) => join(folder, "manifest.json")),
    runIDs: [...new Set(runs.map(storedRunID))],
  };
}
