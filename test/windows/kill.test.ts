import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { damagedJsonStore, damagedRealStore } from "../crash/damaged-stores.ts";
import { Random } from "../oracle/random.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";
import { HAS_WINE, WindowsCommand } from "./wine.ts";

/** Of each store; `npm run test:windows -- --count N --seed N` sets both. */
const COUNT = Number(process.env.KILL_COUNT ?? 1);
const SEED = Number(process.env.KILL_SEED ?? 20_261_130);

const MINUTE = 60_000;

describe.skipIf(!HAS_WINE)("a command on Windows that is killed in the middle", () => {
  let windows: WindowsCommand;
  beforeAll(async () => {
    windows = await WindowsCommand.start();
  }, 3 * MINUTE);
  afterAll(() => windows.stop());

  test.each([
    ["JSON files", damagedJsonStore],
    ["a database that opencode 1.18.33 wrote", damagedRealStore],
  ] as const)(
    `%s, ${COUNT} times: nothing is lost, what it did is ended, and can be undone`,
    async (name, create) => {
      const store = await create();
      const { dataDir } = store;
      const begin = `${dataDir}.begin`;
      try {
        cpSync(dataDir, begin, { recursive: true, preserveTimestamps: true });
        const damaged = store.image();
        const random = new Random(SEED);
        const underLockMs = (await killed(dataDir, null)) ?? 0;
        for (let kills = 0; kills < COUNT; ) {
          rmSync(dataDir, { recursive: true });
          cpSync(begin, dataDir, { recursive: true, preserveTimestamps: true });
          const afterMs = Math.floor(random.next() * underLockMs);
          if ((await killed(dataDir, afterMs)) === null) kills += 1;
          try {
            await judge(store, damaged);
          } catch (error) {
            throw new Error(`${name}, seed ${SEED}, killed ${afterMs} ms after it took the lock`, { cause: error });
          }
        }
      } finally {
        rmSync(begin, { recursive: true, force: true });
        store.remove();
      }
    },
    (COUNT + 3) * 3 * MINUTE,
  );

  /** Repairs a store and is killed; `null`: it was. Else the time for which it had the lock, in milliseconds. */
  async function killed(dataDir: string, afterMs: number | null): Promise<number | null> {
    const child = windows.command("repair", "--yes", "--data-dir", dataDir);
    let hasEnded = false;
    void child.ended.then(() => {
      hasEnded = true;
    });
    const lock = join(quarantinePath(dataDir), ".lock");
    while (!hasEnded && !existsSync(lock)) await Bun.sleep(0);
    const locked = performance.now();
    if (afterMs !== null) {
      await Bun.sleep(afterMs);
      child.kill();
    }
    return (await child.ended) === null ? null : performance.now() - locked;
  }

  /** By the command alone: it ends what was begun, has nothing left to repair, and undoes all of it. */
  async function judge(store: StoreUnderTest, damaged: ReturnType<StoreUnderTest["image"]>): Promise<void> {
    const place = ["--json", "--data-dir", store.dataDir];
    const [repaired, again, listed] = await windows.steps(
      ["repair", "--yes", ...place],
      ["repair", "--yes", ...place],
      ["runs", ...place],
    );
    expect([repaired?.code, repaired?.stderr, again?.code]).toEqual([0, "", 0]);
    expect(JSON.parse(again?.stdout ?? "{}")).toMatchObject({ runID: null, verdict: "healthy" });
    const { runs } = JSON.parse(listed?.stdout ?? "{}") as { runs: { runID: string; state: string }[] };
    expect(runs.filter(({ state }) => state === "planned" || state === "unreadable")).toEqual([]);
    const runIDs = [...new Set(runs.map(({ runID }) => runID))];
    const undone = await windows.steps(...runIDs.map((runID) => ["restore", runID, "--yes", ...place]));
    expect(undone.map(({ code }) => code)).toEqual(runIDs.map(() => 0));
    expect(store.image()).toEqual(damaged);
  }
});
