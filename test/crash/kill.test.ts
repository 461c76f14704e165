import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { serialize } from "node:v8";
import { nodeFileSystem } from "../../plugin/files/file-system.ts";
import { Random } from "../oracle/random.ts";
import { repairFindings } from "../repair/tool.ts";
import { damagedJsonStore, damagedSqliteStore, prescribed } from "./damaged-stores.ts";
import { judgePurge, judgeRepair, reset, type Subject, subjectOf } from "./experiment.ts";

/** Of each store; `npm run test:kill -- --count N --seed N` sets both. */
const COUNT = Number(process.env.KILL_COUNT ?? 20);
const SEED = Number(process.env.KILL_SEED ?? 20_261_124);

const WORKS = ["repair", "restore", "repair", "purge"] as const;

type Work = (typeof WORKS)[number];

const ENTRY = join(import.meta.dirname, "killed.ts");

/** Starts the work in a process and kills it after some milliseconds; how long it took, `null` where it was killed. */
async function run(subject: Subject, work: Work, killAfterMs: number | null): Promise<number | null> {
  const { dataDir } = subject.store;
  const findings = `${dataDir}.findings`;
  const child = spawn(process.execPath, [ENTRY, dataDir, work, findings], { stdio: ["pipe", "pipe", "inherit"] });
  const exit = once(child, "exit");
  await once(child.stdout, "data");
  child.stdin.write("go\n");
  const started = performance.now();
  if (killAfterMs !== null) {
    // Timers count whole milliseconds; much of the work takes less.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, killAfterMs);
    child.kill("SIGKILL");
  }
  const [code, signal] = await exit;
  if (signal === null) expect(code).toBe(0);
  return signal === null ? performance.now() - started : null;
}

describe.each([
  ["JSON files", damagedJsonStore],
  ["SQLite", damagedSqliteStore],
] as const)("%s", (name, create) => {
  let subject: Subject;

  beforeAll(async () => {
    const store = await create();
    subject = await subjectOf(store, prescribed(store));
    writeFileSync(`${store.dataDir}.findings`, serialize(subject.findings));
  });

  afterAll(() => subject.store.remove());

  async function begin(work: Work): Promise<void> {
    reset(subject.store.dataDir, `${subject.store.dataDir}.damaged`);
    if (work !== "repair") await repairFindings(nodeFileSystem, subject.store.dataDir, subject.findings);
  }

  test(
    `${COUNT} processes killed at random: nothing is lost, and what they did can be ended or undone`,
    async () => {
      const random = new Random(SEED);
      const longest = new Map<Work, number>();
      for (const work of new Set(WORKS)) {
        await begin(work);
        longest.set(work, (await run(subject, work, null)) ?? 0);
      }
      let killed = 0;
      for (let index = 0; killed < COUNT; index += 1) {
        const work = WORKS[index % WORKS.length] ?? "repair";
        await begin(work);
        const after = random.next() * (longest.get(work) ?? 0);
        try {
          if ((await run(subject, work, after)) === null) killed += 1;
          // One process in five meets what the one before it left, and is killed too.
          if (random.chance(0.2)) await run(subject, work, random.next() * (longest.get(work) ?? 0));
          await (work === "purge" ? judgePurge : judgeRepair)(subject);
        } catch (error) {
          throw new Error(`${name}, seed ${SEED}, ${work} killed after ${after} ms`, { cause: error });
        }
        expect(index).toBeLessThan(COUNT * 3 + 10);
      }
    },
    COUNT * 3000 + 60_000,
  );
});
