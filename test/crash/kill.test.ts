import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { runCli } from "../command-line/cli-process.ts";
import { Random } from "../oracle/random.ts";
import { builtPackage } from "../package/built.ts";
import { damagedJsonStore, damagedRealStore, damagedSqliteStore } from "./damaged-stores.ts";
import { judgePurge, judgeRepair, leftovers, reset, type Subject, subjectOf } from "./experiment.ts";

/** The number of kills for each store. `npm run test:kill -- --count N --seed N` sets both values. */
const COUNT = Number(process.env.KILL_COUNT ?? 4);
const SEED = Number(process.env.KILL_SEED ?? 20_261_124);

const WORKS = ["repair", "restore", "repair", "purge"] as const;

type Work = (typeof WORKS)[number];

/** When a process is killed: `afterMs` milliseconds after its start, or after it took the lock. */
interface Moment {
  readonly since: "start" | "lock";
  readonly afterMs: number;
}

interface Finished {
  readonly totalMs: number;
  readonly underLockMs: number;
}

let entry = "";
beforeAll(async () => {
  entry = join(await builtPackage(), "cli.js");
});

/** Runs the compiled command line and kills it at `moment`. Returns its times, or `null` if it was killed. */
async function run(subject: Subject, args: readonly string[], moment: Moment | null): Promise<Finished | null> {
  const { dataDir } = subject.store;
  const env = { PATH: process.env.PATH, HOME: "/nonexistent" };
  const started = performance.now();
  const child = spawn(process.execPath, [entry, ...args, "--data-dir", dataDir], { env, stdio: "ignore" });
  const exit = once(child, "exit");
  const lock = join(quarantinePath(dataDir), ".lock");
  if (moment?.since === "lock") await firstSight(lock, exit);
  // `Atomics.wait` also waits for fractions of a millisecond. Timers only count whole milliseconds, and much of the
  // work takes less.
  if (moment !== null) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, moment.afterMs);
  else await firstSight(lock, exit);
  const locked = performance.now();
  if (moment !== null) child.kill("SIGKILL");
  const [code, signal] = await exit;
  if (signal === null) expect([args, code]).toEqual([args, 0]);
  return signal === null ? { totalMs: locked - started, underLockMs: performance.now() - locked } : null;
}

/**
 * Shorter times for the next attempt. The last command ended before it was killed, because the machine is now faster
 * than when the times were measured.
 */
function sooner({ totalMs = 0, underLockMs = 0 }: Partial<Finished> = {}): Finished {
  return { totalMs: totalMs * 0.7, underLockMs: underLockMs * 0.7 };
}

/** Waits until the file is there, or the process has ended. */
async function firstSight(path: string, exit: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  void exit.then(() => {
    hasEnded = true;
  });
  while (!hasEnded && !existsSync(path)) await Bun.sleep(1);
}

async function cli(subject: Subject, ...args: readonly string[]) {
  const { code, stdout, stderr } = await runCli([...args, "--json", "--data-dir", subject.store.dataDir], { entry });
  return {
    code,
    stderr,
    answer: JSON.parse(stdout) as { runID?: string | null; runs?: { runID: string; state: string }[] },
  };
}

/**
 * Judges the store only with the command line: it checks, repairs, finds nothing left to repair, and undoes every run.
 */
async function judgeByCommands(subject: Subject): Promise<void> {
  const { store, damaged } = subject;
  const before = await cli(subject, "check");
  expect([0, 1]).toContain(before.code ?? -1);
  const listed = await cli(subject, "runs");
  expect(listed.code).toBe(0);
  expect(listed.answer.runs?.filter(({ state }) => state === "unreadable")).toEqual([]);
  expect(await cli(subject, "repair", "--yes")).toMatchObject({ code: 0 });
  expect(await cli(subject, "repair", "--yes")).toMatchObject({ code: 0, answer: { runID: null } });
  expect((await cli(subject, "check")).code).toBe(0);
  const { runs = [] } = (await cli(subject, "runs")).answer;
  expect(runs.filter(({ state }) => state === "planned" || state === "unreadable")).toEqual([]);
  expect(leftovers(store.dataDir)).toEqual([]);
  for (const runID of new Set(runs.map((each) => each.runID))) {
    expect(await cli(subject, "restore", runID, "--yes")).toMatchObject({ code: 0 });
  }
  expect(store.image()).toEqual(damaged);
  expect(leftovers(store.dataDir)).toEqual([]);
}

describe.each([
  ["JSON files", damagedJsonStore],
  ["SQLite", damagedSqliteStore],
  ["a database that opencode 1.18.33 wrote", damagedRealStore],
] as const)("%s", (name, create) => {
  let subject: Subject;
  let repairedByCommand = "";
  let runID = "";

  beforeAll(async () => {
    subject = await subjectOf(await create());
    reset(subject.store.dataDir, `${subject.store.dataDir}.damaged`);
    runID = (await cli(subject, "repair", "--yes")).answer.runID ?? "";
    expect(runID).not.toBe("");
    repairedByCommand = `${subject.store.dataDir}.by-command`;
    reset(repairedByCommand, subject.store.dataDir);
  });

  afterAll(() => subject.store.remove());

  const argsOf = (work: Work): readonly string[] =>
    work === "repair"
      ? ["repair", "--yes"]
      : work === "restore"
        ? ["restore", runID, "--yes"]
        : ["purge", "--older-than", "0m", "--yes"];
  const begin = (work: Work) =>
    reset(subject.store.dataDir, work === "repair" ? `${subject.store.dataDir}.damaged` : repairedByCommand);

  test(`${COUNT} commands killed at random: nothing is lost, and what they did can be ended or undone`, async () => {
    const random = new Random(SEED);
    const takes = new Map<Work, Finished>();
    for (const work of new Set(WORKS)) {
      begin(work);
      takes.set(work, (await run(subject, argsOf(work), null)) ?? { totalMs: 0, underLockMs: 0 });
    }
    const momentOf = (work: Work): Moment => {
      const { totalMs = 0, underLockMs = 0 } = takes.get(work) ?? {};
      // A command spends most of its time before the first change. So most kills come after it took the lock.
      return random.chance(0.15)
        ? { since: "start", afterMs: random.next() * totalMs }
        : { since: "lock", afterMs: random.next() * underLockMs };
    };
    let killed = 0;
    for (let index = 0; killed < COUNT; index += 1) {
      const work = WORKS[index % WORKS.length] ?? "repair";
      begin(work);
      const moments: Moment[] = [momentOf(work)];
      // In one of five cases, a second process continues after the killed one, and is killed too.
      if (random.chance(0.2)) moments.push(momentOf(work));
      try {
        for (const moment of moments) {
          if ((await run(subject, argsOf(work), moment)) === null) killed += 1;
          else takes.set(work, sooner(takes.get(work)));
        }
        if (work === "purge") await judgePurge(subject);
        else if (random.chance(0.15)) await judgeByCommands(subject);
        else await judgeRepair(subject);
      } catch (error) {
        throw new Error(`${name}, seed ${SEED}, ${work} killed at ${JSON.stringify(moments)}`, { cause: error });
      }
      expect(index).toBeLessThan(COUNT * 50);
    }
  });
});
