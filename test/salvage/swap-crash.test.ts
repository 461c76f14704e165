import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { storedRuns } from "../../plugin/quarantine/vault.ts";
import { isStopped, settleUnfinished, underLock } from "../../plugin/repair/repair.ts";
import { findSalvageRun, swapIn } from "../../plugin/salvage/salvage-run.ts";
import { filesOf, type Located } from "../../plugin/stores/locate.ts";
import { runCli } from "../command-line/cli-process.ts";
import { bury, IS_WHOLE, stateOnDisk } from "../crash/experiment.ts";
import { DeadError, FAULTS, FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { withoutOpenFiles } from "../crash/no-open-files.ts";
import { volatileFileSystem } from "../crash/volatile-file-system.ts";
import { restoreEverything } from "../repair/tool.ts";
import { scratchFolder } from "../stores/scratch.ts";
import { manySessions } from "./many-sessions.ts";

/** Hashes of the database's files. The key is the suffix of the file name (`""`, `-wal`). */
type Live = Readonly<Record<string, string>>;

let scratch: string;
let damaged: string;
let swapped: string;
let original: Live;
/** The new database after a host has used it and left a WAL beside it. */
let newer: Live;

const databaseIn = (dataDir: string) => join(dataDir, "opencode.db");
const locatedIn = (dataDir: string): Located => ({ dataDir, json: "none", databases: [databaseIn(dataDir)] });

function liveIn(dataDir: string): Live {
  return Object.fromEntries(
    readdirSync(dataDir)
      .filter((name) => name.startsWith("opencode.db"))
      .map((name) => [name.slice("opencode.db".length), sha256(readFileSync(join(dataDir, name)))]),
  );
}

let askAgain: () => void;

beforeAll(async () => {
  askAgain = await withoutOpenFiles();
  scratch = scratchFolder().path;
  const whole = await manySessions("1.18.33", 1, join(scratch, "whole"));
  damaged = await mkdtemp(join(scratch, "damaged-"));
  const database = databaseIn(damaged);
  const main = readFileSync(whole.earlier);
  writeFileSync(database, main.fill(0, 4096, 8192));
  writeFileSync(`${database}-wal`, readFileSync(whole.wal).fill(0, 0, 32));
  writeFileSync(`${database}-shm`, Buffer.alloc(32_768, 7));
  writeFileSync(`${database}-journal`, "of an older transaction");
  original = liveIn(damaged);
  const built = await runCli(["salvage", "--data-dir", damaged, "--yes", "--json"]);
  expect(JSON.parse(built.stdout)).toMatchObject({ isSound: true, swapped: false });
  swapped = join(scratch, "swapped");
  cpSync(damaged, swapped, { recursive: true, preserveTimestamps: true });
  await swap(nodeFileSystem, swapped);
  expect(Object.keys(liveIn(swapped))).toEqual([""]);
  writeFileSync(`${databaseIn(swapped)}-wal`, "new sessions");
  newer = liveIn(swapped);
});

afterAll(() => {
  askAgain();
  rmSync(scratch, { recursive: true, force: true });
});

async function swap(files: FileSystem, dataDir: string): Promise<void> {
  const located = locatedIn(dataDir);
  const outcome = await underLock({ files, located, access: "outside" }, async (lock) => {
    const run = await findSalvageRun(files, dataDir, databaseIn(dataDir));
    // An unreadable manifest counts as missing.
    return run === null ? null : swapIn(files, run, databaseIn(dataDir), lock);
  });
  if (outcome !== null && isStopped(outcome)) expect(outcome.message).not.toBe("");
}

const WORKS = {
  swap: { from: () => damaged, run: swap, kept: () => original },
  restore: { from: () => swapped, run: restoreEverything, kept: () => newer },
};

/** The distance between the operations that fail. A crash or a power cut is tried at every operation. */
const STRIDE = IS_WHOLE ? 1 : 7;

/** A WAL must never be beside a database to which it does not belong. */
function judgeMix(dataDir: string): void {
  const live = liveIn(dataDir);
  expect(live[""]).toBeDefined();
  if (live["-wal"] === undefined) return;
  expect([original, newer].some((set) => set[""] === live[""] && set["-wal"] === live["-wal"])).toBe(true);
}

function everyFile(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => sha256(readFileSync(join(entry.parentPath, entry.name))));
}

async function judge(dataDir: string, kept: Live): Promise<void> {
  judgeMix(dataDir);
  bury(dataDir);
  await settleUnfinished({ files: filesOf(locatedIn(dataDir)), located: locatedIn(dataDir), access: "outside" });
  const live = liveIn(dataDir);
  const isOriginal = live[""] === original[""];
  if (isOriginal) expect(live).toEqual(original);
  else expect(["", "-wal"]).toEqual(expect.arrayContaining(Object.keys(live)));
  const [run] = await storedRuns(nodeFileSystem, dataDir);
  if (run === undefined || !run.ok) throw new Error("the manifest cannot be read");
  const states = [...new Set(run.manifest.items.map(({ state }) => state))];
  expect(isOriginal ? [["rolled-back"], ["restored"]] : [["done"]]).toContainEqual(states);
  const all = everyFile(dataDir);
  for (const bytes of [...Object.values(original), ...Object.values(kept)]) expect(all).toContain(bytes);
  await restoreEverything(nodeFileSystem, dataDir);
  expect(liveIn(dataDir)).toEqual(original);
  expect(readdirSync(dataDir).filter((name) => name.endsWith(".returning"))).toEqual([]);
  const left = everyFile(dataDir);
  for (const bytes of Object.values(kept)) expect(left).toContain(bytes);
}

function stateOf(dataDir: string): string {
  const files = readdirSync(dataDir, { withFileTypes: true }).filter((entry) => entry.isFile());
  const live = files.map(({ name }) => [name, sha256(readFileSync(join(dataDir, name)))] as const);
  return stateOnDisk(dataDir, Object.fromEntries(live));
}

describe.each(["swap", "restore"] as const)("%s of a whole database", (name) => {
  const { from, run, kept } = WORKS[name];
  /** States on disk that were already found to be right. Most operations do not change the state. */
  const judged = new Set<string>();

  test.each(FAULTS)("%o at any operation: it is as before or done, and comes back", async (fault) => {
    const dataDir = join(scratch, "data");
    for (let step = 1; ; step += fault.what === "fail" ? STRIDE : 1) {
      rmSync(dataDir, { recursive: true, force: true });
      cpSync(from(), dataDir, { recursive: true, preserveTimestamps: true });
      const plan = new FaultPlan(step, fault);
      const disk = volatileFileSystem(nodeFileSystem, scratch);
      const files = fault.what === "power-cut" ? disk.files : nodeFileSystem;
      await run(faultyFileSystem(files, plan), dataDir).catch((error: unknown) => {
        const isMadeUp = error instanceof Error && error.message.includes("made up by a test");
        if (!(error instanceof DeadError) && !isMadeUp) throw error;
      });
      if (plan.isDead && fault.what === "power-cut") disk.lose();
      const state = stateOf(dataDir);
      try {
        if (!judged.has(state)) await judge(dataDir, kept());
        judged.add(state);
      } catch (error) {
        throw new Error(`${name}, ${JSON.stringify(fault)} at operation ${step}`, { cause: error });
      }
      if (!plan.happened) break;
      expect(step).toBeLessThan(2000);
    }
  });
});

test("a database that is a link is refused, and stays one", async () => {
  const dataDir = await mkdtemp(join(scratch, "link-"));
  await Bun.spawn(["ln", "-s", databaseIn(damaged), databaseIn(dataDir)]).exited;
  const refused = await runCli(["salvage", "--data-dir", dataDir, "--swap", "--yes"]);
  expect([refused.code, refused.stderr.includes("symbolic link")]).toEqual([3, true]);
  expect(statSync(databaseIn(dataDir)).size).toBe(statSync(databaseIn(damaged)).size);
  expect(existsSync(join(dataDir, "quarantine", "_store"))).toBe(false);
});
