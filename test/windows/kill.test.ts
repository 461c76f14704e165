import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { damagedJsonStore, damagedRealStore } from "../crash/damaged-stores.ts";
import { Random } from "../oracle/random.ts";
import { IS_WHOLE } from "../process/whole.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";
import { HAS_WINE, WindowsCommand } from "./wine.ts";

/**
 * The number of kills for each store, during a repair and an undo in turn. `npm run test:windows -- --count N --seed N`
 * sets the number and the seed.
 */
const COUNT = Number(process.env.KILL_COUNT ?? 1);
const SEED = Number(process.env.KILL_SEED ?? 20_261_130);

const STORES = [
  ["json", "JSON files", damagedJsonStore],
  ["sqlite", "a database that opencode 1.18.33 wrote", damagedRealStore],
] as const;
/**
 * `npm run test:windows -- --of json|sqlite` uses only this store. `npm test` uses only JSON files, because a repair
 * changes many files there, and Windows has its own rules for open files.
 */
const ALONE = process.env.KILL_OF ?? (COUNT > 1 || IS_WHOLE ? null : "json");
const KILLED_ON = STORES.filter(([generation]) => ALONE === null || generation === ALONE);

const MINUTE = 60_000;

/** A command that is killed, and the copy of the store on which it starts. */
interface Work {
  readonly args: readonly string[];
  readonly begin: string;
}

function reset(to: string, from: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

describe.skipIf(!HAS_WINE)("a command on Windows that is killed in the middle", () => {
  let windows: WindowsCommand;
  beforeAll(async () => {
    windows = await WindowsCommand.start();
  }, 3 * MINUTE);
  afterAll(() => windows.stop());

  test.each(KILLED_ON)(
    `%s, ${COUNT} times: nothing is lost, what it did is ended, and can be undone`,
    async (_, name, create) => {
      const store = await create();
      const { dataDir } = store;
      try {
        const damaged = store.image();
        const repairs: Work = { args: ["repair", "--yes"], begin: `${dataDir}.damaged` };
        reset(repairs.begin, dataDir);
        const underLockMs = new Map([[repairs, (await killed(dataDir, repairs, null)) ?? 0]]);
        const works = [repairs];
        if (COUNT > 1) {
          const undoes: Work = { args: ["restore", "last", "--yes"], begin: `${dataDir}.repaired` };
          reset(undoes.begin, dataDir);
          underLockMs.set(undoes, (await killed(dataDir, undoes, null)) ?? 0);
          works.push(undoes);
        }
        const random = new Random(SEED);
        for (let kills = 0, tries = 0; kills < COUNT; tries += 1) {
          const work = works[tries % works.length] ?? repairs;
          reset(dataDir, work.begin);
          const afterMs = Math.floor(random.next() * (underLockMs.get(work) ?? 0));
          try {
            if ((await killed(dataDir, work, afterMs)) === null) kills += 1;
            await judge(store, damaged);
          } catch (error) {
            const when = `${work.args[0]} killed ${afterMs} ms after it took the lock`;
            throw new Error(`${name}, seed ${SEED}, kill ${kills}, ${when}`, { cause: error });
          }
        }
      } finally {
        for (const copy of ["damaged", "repaired"]) rmSync(`${dataDir}.${copy}`, { recursive: true, force: true });
        store.remove();
      }
    },
    (COUNT + 3) * 3 * MINUTE,
  );

  /**
   * Runs a command on a store and kills it. Returns `null` if the command was killed. Otherwise returns for how many
   * milliseconds the command had the lock.
   */
  async function killed(dataDir: string, { args }: Work, afterMs: number | null): Promise<number | null> {
    const child = windows.command(...args, "--data-dir", dataDir);
    let hasEnded = false;
    void child.ended.then(() => {
      hasEnded = true;
    });
    const lock = join(quarantinePath(dataDir), ".lock");
    while (!hasEnded && !existsSync(lock)) await Bun.sleep(1);
    const locked = performance.now();
    if (afterMs !== null) {
      await Bun.sleep(afterMs);
      child.kill();
    }
    return (await child.ended) === null ? null : performance.now() - locked;
  }

  /**
   * Judges the store with the command alone. A repair must finish the interrupted work, a second repair must find
   * nothing, and `restore` must undo everything.
   */
  async function judge(store: StoreUnderTest, damaged: ReturnType<StoreUnderTest["image"]>): Promise<void> {
    const place = ["--json", "--data-dir", store.dataDir];
    const [repaired, again, listed, ...undone] = await windows.steps(
      ["repair", "--yes", ...place],
      ["repair", "--yes", ...place],
      ["runs", ...place],
      ["restore", "EACH_RUN", "--yes", ...place],
    );
    expect([repaired?.code, repaired?.stderr, again?.code]).toEqual([0, "", 0]);
    expect(JSON.parse(again?.stdout ?? "{}")).toMatchObject({ runID: null, verdict: "healthy" });
    const { runs } = JSON.parse(listed?.stdout ?? "{}") as { runs: { state: string }[] };
    expect(runs.filter(({ state }) => state === "planned" || state === "unreadable")).toEqual([]);
    expect(undone.length).toBeGreaterThan(0);
    for (const { code } of undone) expect(code).toBe(0);
    expect(store.image()).toEqual(damaged);
  }
});
