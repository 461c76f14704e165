import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { DEFAULT_SETTINGS } from "../../plugin/configuration/options.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { repairUnasked } from "../../plugin/opencode/start-check.ts";
import { repairFindings as repairInTerminal } from "../../plugin/opencode/terminal-ui/dialogs.ts";
import { ValidatedMemory } from "../../plugin/opencode/validated-memory.ts";
import type { FileSystem } from "../../plugin/platform/file-system.ts";
import { storedRuns } from "../../plugin/quarantine/vault.ts";
import { filesOf } from "../../plugin/stores/locate.ts";
import { damagedJsonStore, damagedSqliteStore } from "../crash/damaged-stores.ts";
import { bury, IS_WHOLE, reset } from "../crash/experiment.ts";
import { withFaultyDatabases } from "../crash/faulty-driver.ts";
import { DeadError, FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { type Image, located, type StoreUnderTest } from "../stores/store-under-test.ts";
import { pausingFiles } from "./pausing-file-system.ts";
import { blockingIn, repairFindings, restoreEverything, restoreRun, settledFiles } from "./tool.ts";

const PATIENCE_MS = 20_000;

/** A repair that nobody asked for. It gets the findings of a check and waits for the lock. */
type Decide = (files: FileSystem, dataDir: string, findings: readonly ConfirmedFinding[]) => Promise<unknown>;

const plugin =
  (trigger: "preload" | "watch"): Decide =>
  async (files, dataDir, findings) => {
    const memory = new ValidatedMemory(dataDir, null);
    const input = { settings: DEFAULT_SETTINGS, hostVersion: null, projectID: null, memory };
    return repairUnasked({ ...input, files, located: await located(files, dataDir) }, trigger, findings, PATIENCE_MS);
  };

/** The repair that the terminal half makes when a user opens a session that cannot be loaded. */
const opening: Decide = async (files, dataDir, findings) => {
  const where = { files, located: await located(files, dataDir), hostVersion: null, concurrency: 1, spare: null };
  return repairInTerminal({ ...where, trigger: "tui" }, findings, true);
};

/** The load guard of opencode 1.0 and 1.1 repairs through the watch, so it shares the entry of the watch. */
const DECIDERS = [
  ["the start", plugin("preload")],
  ["the watch, the load guard", plugin("watch")],
  ["the opening of a session", opening],
] as const;

/**
 * A repair requests the lock again only if the first request failed, so two requests mean that the repair is waiting.
 */
const isWaiting = (attempts: number) => attempts >= 2;

/**
 * With `npm run test:crash`, the tests stop at every operation. Otherwise they stop at every 23rd operation, and each
 * repair starts at a different one.
 */
const STRIDE = IS_WHOLE ? 1 : 23;

describe.each([
  ["JSON files", damagedJsonStore],
  ["SQLite", damagedSqliteStore],
] as const)("%s: what a user restored stays", (_, create) => {
  let store: StoreUnderTest;
  let damaged: Image;
  let repaired: string;

  const findings = async () => blockingIn(store.dataDir);
  const restore = (files: FileSystem = settledFiles) => restoreEverything(files, store.dataDir);
  /** Expects every record as it was before any repair. Other files may differ. */
  const expectRestored = (step: unknown) => expect([step, store.image()]).toEqual([step, damaged]);

  beforeAll(async () => {
    store = await create();
    damaged = store.image();
    cpSync(store.dataDir, `${store.dataDir}.damaged`, { recursive: true, preserveTimestamps: true });
    await plugin("preload")(settledFiles, store.dataDir, await findings());
    expect(store.image()).not.toEqual(damaged);
    repaired = `${store.dataDir}.repaired`;
    cpSync(store.dataDir, repaired, { recursive: true, preserveTimestamps: true });
  });

  afterAll(() => store.remove());

  test.each(DECIDERS)("%s meets a restore at any step of it", async (_name, decide) => {
    const offset = DECIDERS.findIndex(([, each]) => each === decide) % STRIDE;
    for (let step = 1 + offset; ; step += STRIDE) {
      reset(store.dataDir, repaired);
      const paused = pausingFiles(settledFiles, step);
      const restoring = restore(paused.files);
      await Promise.race([paused.reached, restoring]);
      const found = await findings();
      const other = pausingFiles(settledFiles, Number.POSITIVE_INFINITY);
      let isDone = false;
      const deciding = decide(other.files, store.dataDir, found).finally(() => {
        isDone = true;
      });
      while (!isDone && !isWaiting(other.lockAttempts())) await Bun.sleep(1);
      paused.resume();
      await Promise.all([restoring, deciding]);
      expectRestored(step);
      if (paused.count() < step) return;
    }
  });

  test.each(DECIDERS)(
    "%s is overtaken at any step by a repair at the user's word and its undo",
    async (_name, decide) => {
      const offset = DECIDERS.findIndex(([, each]) => each === decide) % STRIDE;
      for (let step = 1 + offset; ; step += STRIDE) {
        reset(store.dataDir, `${store.dataDir}.damaged`);
        const found = await findings();
        const paused = pausingFiles(settledFiles, step);
        const deciding = decide(paused.files, store.dataDir, found);
        await Promise.race([paused.reached, deciding]);
        const asked = await repairFindings(settledFiles, store.dataDir, found);
        if (asked.runID !== null) await restoreRun(settledFiles, store.dataDir, asked.runID);
        paused.resume();
        await deciding;
        // If `decide` already had the lock, the requested repair did not run, so nothing was undone.
        if (asked.runID !== null) expectRestored(step);
        if (paused.count() < step) return;
      }
    },
  );

  test.each(DECIDERS)("%s ends a restore that was killed at any step: what was back stays", async (_name, decide) => {
    const offset = DECIDERS.findIndex(([, each]) => each === decide) % STRIDE;
    for (let step = 1 + offset; ; step += STRIDE) {
      reset(store.dataDir, repaired);
      const plan = new FaultPlan(step, { what: "die" });
      await withFaultyDatabases(plan, () => restore(faultyFileSystem(settledFiles, plan))).catch((error) => {
        if (!(error instanceof DeadError)) throw error;
      });
      bury(store.dataDir);
      const back = await findings();
      await decide(settledFiles, store.dataDir, back);
      const left = (await findings()).map(({ locator }) => JSON.stringify(locator));
      expect([step, left.sort()]).toEqual([step, back.map(({ locator }) => JSON.stringify(locator)).sort()]);
      await restore();
      expectRestored(step);
      if (!plan.happened) return;
    }
  });

  test("only the items that were restored stay; the others of the run are news where they come back damaged", async () => {
    reset(store.dataDir, repaired);
    const runs = (await storedRuns(settledFiles, store.dataDir)).flatMap((run) => (run.ok ? [run.manifest] : []));
    const [chosen] = runs.flatMap(({ runID, sessionID, items }) =>
      items.flatMap((item) =>
        item.kind === "part" && item.partOf === undefined ? [{ runID, sessionID: sessionID ?? "", item }] : [],
      ),
    );
    if (chosen === undefined) throw new Error("no run has a part of its own");
    const { runID, sessionID, item } = chosen;
    await restoreRun(settledFiles, store.dataDir, runID, { sessionIDs: [sessionID], itemIDs: [item.id] });
    const back = await findings();
    expect(back.map(({ locator }) => locator)).toEqual([item.locator]);
    const bytes = store.bytesAt(item.locator);
    await plugin("watch")(settledFiles, store.dataDir, back);
    expect(store.bytesAt(item.locator)).toEqual(bytes);
    // opencode writes the same record again, and this time the damage is different.
    store.overwrite(item.locator, Buffer.from('{"type":"text"'));
    await plugin("watch")(settledFiles, store.dataDir, await findings());
    expect(await findings()).toEqual([]);
  });

  test("asked, the same record is repaired again, and its undo stays too", async () => {
    reset(store.dataDir, repaired);
    await restore();
    const found = await findings();
    const asked = await repairFindings(settledFiles, store.dataDir, found);
    expect(asked.items.filter(({ action }) => action !== "skipped").length).toBeGreaterThan(0);
    await restoreRun(settledFiles, store.dataDir, asked.runID ?? "");
    await plugin("watch")(filesOf(await located(settledFiles, store.dataDir)), store.dataDir, await findings());
    expectRestored("asked");
  });
});
