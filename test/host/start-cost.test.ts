import { expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "../../plugin/configuration/options.ts";
import { HostActivity } from "../../plugin/opencode/pacing.ts";
import { forgetFinishedRuns, repairUnasked, type StartCheckInput } from "../../plugin/opencode/start-check.ts";
import { beginSchedule, stopSchedule } from "../../plugin/opencode/start-schedule.ts";
import { ValidatedMemory } from "../../plugin/opencode/validated-memory.ts";
import { countingFiles, storeRun } from "../quarantine/stored-runs.ts";
import { blockingIn, settledFiles } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { located } from "../stores/store-under-test.ts";

/**
 * The largest number of bytes that a start may read for each run. It is one block of the disk, and does not depend on
 * the size of the run.
 */
const BYTES_PER_RUN = 4096;

/** A repair with more records than this in one session is divided into several runs. */
const ITEMS_PER_RUN = 2000;

/**
 * The number of bytes that the plugin reads with this many records in quarantine: in the background of a start, and for
 * one repair after that.
 */
async function bytesRead(records: number, state: "done" | "restored"): Promise<{ start: number; watch: number }> {
  const store = createJsonStore(sampleContent());
  try {
    for (let left = records; left > 0; left -= ITEMS_PER_RUN) {
      await storeRun(store.dataDir, { items: Math.min(left, ITEMS_PER_RUN), state, evidence: 400 }, settledFiles);
    }
    const begun = countingFiles(settledFiles);
    const memory = new ValidatedMemory(store.dataDir, null);
    const common = { settings: DEFAULT_SETTINGS, hostVersion: null, projectID: null, memory };
    const input: StartCheckInput = {
      ...common,
      files: begun.files,
      located: await located(settledFiles, store.dataDir),
    };
    await forgetFinishedRuns(input, []);
    store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.alloc(0));
    const found = await blockingIn(store.dataDir);
    const met = countingFiles(settledFiles);
    const notice = await repairUnasked({ ...input, files: met.files }, "watch", found, 0);
    expect(notice.items).toMatchObject([{ recordID: "prt_a1_1", action: "quarantined" }]);
    return { start: begun.bytes(), watch: met.bytes() };
  } finally {
    store.remove();
  }
}

test("what the plugin reads at its start, and as it watches, does not grow with what is in quarantine", async () => {
  const nothing = await bytesRead(0, "done");
  const one = await bytesRead(1, "done");
  const many = await bytesRead(30_000, "done");
  const runs = 30_000 / ITEMS_PER_RUN;
  expect(nothing.start).toBe(0);
  expect(one.start).toBeLessThanOrEqual(BYTES_PER_RUN);
  expect(many.start).toBeLessThanOrEqual(runs * BYTES_PER_RUN);
  // The plugin reads the lock, the repaired record, and each run before and after it takes the lock.
  expect(many.watch).toBeLessThanOrEqual(nothing.watch + 3 * runs * BYTES_PER_RUN);
});

test("what a user restored costs the start no more", async () => {
  const { start } = await bytesRead(4000, "restored");
  expect(start).toBeLessThanOrEqual(2 * BYTES_PER_RUN);
});

/** How often the plugin uses a path in the quarantine folder before opencode may continue. The store is healthy. */
async function looksBeforeLoad(runs: number): Promise<number> {
  const store = createJsonStore(sampleContent());
  try {
    for (let run = 0; run < runs; run += 1) {
      await storeRun(store.dataDir, { items: ITEMS_PER_RUN, state: "done" }, settledFiles);
    }
    let looks = 0;
    const files = new Proxy(settledFiles, {
      get(target, name: keyof typeof settledFiles) {
        const call = target[name] as (...of: unknown[]) => unknown;
        return (...of: unknown[]) => {
          if (of.some((each) => typeof each === "string" && each.includes("quarantine"))) looks += 1;
          return call.apply(target, of);
        };
      },
    });
    const memory = new ValidatedMemory(store.dataDir, null);
    const common = { settings: DEFAULT_SETTINGS, hostVersion: null, projectID: null, memory };
    const input = { ...common, files, located: await located(settledFiles, store.dataDir) };
    await beginSchedule(input, new HostActivity(), () => undefined);
    const seen = looks;
    stopSchedule();
    return seen;
  } finally {
    store.remove();
  }
}

test("until opencode may continue, a healthy start does not look at the quarantine, whatever is in it", async () => {
  expect([await looksBeforeLoad(0), await looksBeforeLoad(1), await looksBeforeLoad(15)]).toEqual([0, 0, 0]);
});
