import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { DISK_FULL } from "../../plugin/stores/writer.ts";
import { runCli } from "../command-line/cli-process.ts";
import { SEED } from "../process/seed.ts";
import { findingsIn, purgeEverything, repairFindings, restoreEverything } from "../repair/tool.ts";
import { damagedJsonStore, damagedSqliteStore, prescribed } from "./damaged-stores.ts";
import { IS_WHOLE, judgeRepair, reset, type Subject, subjectOf } from "./experiment.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

const disk = mountSmallDisk(4);
if (typeof disk === "string") process.stderr.write(`${disk}\n`);

test.if(process.env.CI !== undefined && process.getuid?.() === 0)("root on a build machine may mount a disk", () => {
  expect(disk).toBeObject();
});

const PAGE = 4096;
/**
 * The numbers of bytes that are free when the work begins, from none to more than the work needs. Only every third
 * number is tried, except in `npm run test:crash`.
 */
const LEFT = [
  ...Array.from({ length: 40 }, (_, index) => index * PAGE),
  ...[48, 64, 96, 128, 192].map((n) => n * PAGE),
].filter((_, index) => IS_WHOLE || index % 3 === SEED % 3);

describe.skipIf(typeof disk === "string").each([
  ["JSON files", damagedJsonStore],
  ["SQLite", damagedSqliteStore],
] as const)("%s on a disk that is full", (_, create) => {
  const small = disk as SmallDisk;
  const dataDir = join(small.path, "opencode");
  let subject: Subject;

  beforeAll(async () => {
    const store = await create();
    subject = await subjectOf(store, prescribed(store));
  });

  afterAll(() => subject.store.remove());

  /** Judges a copy of the store outside the small disk, because the judgement needs free space. */
  async function judge(): Promise<void> {
    small.relieve();
    reset(subject.store.dataDir, dataDir);
    await judgeRepair(subject);
  }

  test("a repair comes through or stops with one clear sentence, however little is left", async () => {
    let [stopped, completed] = [0, 0];
    for (const left of LEFT) {
      reset(dataDir, `${subject.store.dataDir}.damaged`);
      small.fill(left);
      const result = await repairFindings(nodeFileSystem, dataDir, subject.findings);
      if (result.stopped === null) completed += 1;
      else {
        stopped += 1;
        expect([left, result.stopped.message]).toEqual([left, DISK_FULL]);
      }
      await judge();
    }
    expect(stopped).toBeGreaterThan(2);
    expect(completed).toBeGreaterThan(2);
  });

  test("a restore too; a purge that finds no room for its lock changes nothing", async () => {
    for (const left of LEFT.filter((bytes) => bytes < 20 * PAGE)) {
      reset(dataDir, `${subject.store.dataDir}.damaged`);
      await repairFindings(nodeFileSystem, dataDir, subject.findings);
      small.fill(left);
      await restoreEverything(nodeFileSystem, dataDir);
      await judge();
    }
    reset(dataDir, `${subject.store.dataDir}.damaged`);
    await repairFindings(nodeFileSystem, dataDir, subject.findings);
    small.fill(0);
    await purgeEverything(nodeFileSystem, dataDir);
    await judge();
  });

  test("without a byte left a check says what it finds, and the repair what to free", async () => {
    reset(dataDir, `${subject.store.dataDir}.damaged`);
    small.fill(0);
    const found = await findingsIn(dataDir);
    expect(found.filter(({ severity }) => severity === "blocking").length).toBeGreaterThan(2);
    const { code, stderr } = await runCli(["repair", "--yes", "--data-dir", dataDir]);
    expect(code).toBe(4);
    expect(stderr).toContain("is full. Free at least 16 MB");
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
    await judge();
  });
});

afterAll(() => {
  if (typeof disk !== "string") disk.remove();
});
