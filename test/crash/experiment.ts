import { expect } from "bun:test";
import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { locatorText } from "../../plugin/model/artifact.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import type { ManifestItem } from "../../plugin/model/manifest-item.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { type StoredRun, storedRuns } from "../../plugin/quarantine/vault.ts";
import { SEED } from "../process/seed.ts";
import { blockingIn, purgeEverything, repairFindings, restoreEverything } from "../repair/tool.ts";
import type { Image, StoreUnderTest } from "../stores/store-under-test.ts";
import { withFaultyDatabases } from "./faulty-driver.ts";
import { DeadError, type Fault, FaultPlan, faultyFileSystem } from "./faulty-file-system.ts";
import { volatileFileSystem } from "./volatile-file-system.ts";

/** A damaged store, with its images before and after a repair. Every experiment must end in one of these states. */
export interface Subject {
  readonly store: StoreUnderTest;
  readonly findings: readonly ConfirmedFinding[];
  readonly damaged: Image;
  readonly repaired: Image;
  /**
   * The states on disk that passed the judgement. They are not judged again. Most operations lead to the same state as
   * the operation before, because they only read or force data to disk.
   */
  readonly judged: Set<string>;
}

/** Repairs and restores a damaged store once without faults, and keeps its images. */
export async function subjectOf(
  store: StoreUnderTest,
  prescribed: (findings: readonly ConfirmedFinding[]) => readonly ConfirmedFinding[] = (findings) => findings,
): Promise<Subject> {
  const findings = prescribed(await blockingIn(store.dataDir));
  const damaged = store.image();
  cpSync(store.dataDir, `${store.dataDir}.damaged`, { recursive: true, preserveTimestamps: true });
  await repairFindings(nodeFileSystem, store.dataDir, findings);
  expect(await blockingIn(store.dataDir)).toEqual([]);
  const repaired = store.image();
  await restoreEverything(nodeFileSystem, store.dataDir);
  expect(store.image()).toEqual(damaged);
  return { store, findings, damaged, repaired, judged: new Set() };
}

/** The work that is done on a store while an operation fails. */
export interface Work {
  readonly name: string;
  /** Prepares the damaged store for the work, without faults. */
  begin?(subject: Subject): Promise<unknown>;
  run(files: FileSystem, subject: Subject): Promise<unknown>;
  /** Checks the store after the work. */
  judge(subject: Subject, fault: Fault): Promise<void>;
}

/** Only every n-th operation fails. `npm run test:crash` sets 1, so that every operation fails once. */
const STRIDE = Number(process.env.CRASH_STRIDE ?? 0);
const DEFAULT_STRIDE: Readonly<Record<Fault["what"], number>> = { die: 19, "die-after": 19, "power-cut": 19, fail: 53 };

/** Whether every operation fails once, as in `npm run test:crash`. */
export const IS_WHOLE = STRIDE > 0;

/** The first operation that fails, and the distance to the next one. The first operation depends on the seed. */
export function stepsOf(
  fault: Fault,
  stride = STRIDE || DEFAULT_STRIDE[fault.what],
): { first: number; stride: number } {
  return { first: 1 + (SEED % stride), stride };
}

/**
 * Repeats the work, and lets a later operation fail each time, until the work ends before the chosen operation. Judges
 * the store after each attempt. Returns the number of operations of the work without a fault.
 */
export async function experiment(subject: Subject, work: Work, fault: Fault): Promise<number> {
  const { dataDir } = subject.store;
  const keep = `${dataDir}.start`;
  reset(dataDir, `${dataDir}.damaged`);
  await work.begin?.(subject);
  reset(keep, dataDir);
  const start = stateOf(subject);
  const { first, stride } = stepsOf(fault);
  for (let step = first; ; step += stride) {
    const plan = new FaultPlan(step, fault);
    const disk = volatileFileSystem(nodeFileSystem, dirname(dataDir));
    await withFaultyDatabases(plan, async () => {
      const files = fault.what === "power-cut" ? disk.files : nodeFileSystem;
      await unlessDead(work.run(faultyFileSystem(files, plan), subject));
    });
    if (plan.isDead && fault.what === "power-cut") disk.lose();
    const state = stateOf(subject);
    const known = `${work.judge.name} ${state}`;
    try {
      if (!subject.judged.has(known)) await work.judge(subject, fault);
      else if (state === start && plan.happened) continue;
      subject.judged.add(known);
    } catch (error) {
      throw new Error(`${work.name}, ${JSON.stringify(fault)} at operation ${step}`, { cause: error });
    }
    if (!plan.happened) return plan.count;
    reset(dataDir, keep);
  }
}

async function unlessDead(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DeadError)) throw error;
  }
}

const LARGE_BYTES = 100_000;

/** A hash of everything on disk, without the names and times that differ in each run. */
function stateOf({ store, damaged }: Subject): string {
  return stateOnDisk(store.dataDir, withoutNewTimes(store.image(), damaged));
}

/**
 * A hash of the quarantine and of the store, whose content is `live`. Names and times that differ in each run are left
 * out.
 */
export function stateOnDisk(dataDir: string, live: Readonly<Record<string, string>>): string {
  const root = quarantinePath(dataDir);
  const state = { ...live };
  for (const name of existsSync(root) ? (readdirSync(root, { recursive: true }) as string[]) : []) {
    const isFile = lstatSync(join(root, name)).isFile();
    state[impersonal(name)] = isFile ? impersonal(contentOf(join(root, name))) : "folder";
  }
  return sha256(Buffer.from(JSON.stringify(Object.entries(state).sort())));
}

/**
 * The content of a file. A state file contains the inode and times of its manifest, which differ in each run. They are
 * replaced by `true` or `false`, which says whether they match the manifest.
 */
function contentOf(path: string): string {
  // A whole database contains no id of a run, so its bytes are not searched for one.
  if (lstatSync(path).size > LARGE_BYTES) return sha256(readFileSync(path));
  const text = readFileSync(path, "latin1");
  if (!basename(path).startsWith("state.jsonl")) return text;
  const found = lstatSync(join(dirname(path), "manifest.json"), { throwIfNoEntry: false });
  const isOf = found !== undefined && text.includes(`"${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}"`);
  return `${isOf} ${text.replace(/"manifest":"[^"]*/, "").replace(/[0-9a-f]{64}/g, "")}`;
}

function impersonal(text: string): string {
  return text
    .replace(/\d{8}T\d{9}Z-\d{4}-[0-9a-f]{8}/g, "<run>")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replace(/\b[0-9a-f]{24}\b/g, "<token>");
}

export function reset(dataDir: string, from: string): void {
  rmSync(dataDir, { recursive: true, force: true });
  cpSync(from, dataDir, { recursive: true, preserveTimestamps: true });
}

/**
 * Checks that nothing is lost and every manifest is true, that a second repair finishes the first, and that a restore
 * undoes both.
 */
export async function judgeRepair(subject: Subject, fault?: Fault): Promise<void> {
  const { store, damaged, repaired, findings } = subject;
  bury(store.dataDir);
  const healthy = Object.keys(damaged).filter((place) => damaged[place] === repaired[place]);
  const now = store.image();
  for (const place of healthy) expect(now[place], place).toBe(damaged[place]);
  await judgeManifests(store);
  const crashed = `${store.dataDir}.crashed`;
  reset(crashed, store.dataDir);
  await restoreEverything(nodeFileSystem, store.dataDir);
  expect(store.image(), "restored right after").toEqual(damaged);
  await judgeManifests(store);
  reset(store.dataDir, crashed);
  await repairFindings(nodeFileSystem, store.dataDir, findings);
  expect(withoutNewTimes(store.image(), damaged), "repaired again").toEqual(withoutNewTimes(repaired, damaged));
  expect(await blockingIn(store.dataDir)).toEqual([]);
  await judgeManifests(store);
  for (const run of await storedRuns(nodeFileSystem, store.dataDir)) {
    if (run.ok) expect(run.manifest.state).not.toBe("planned");
  }
  expect(leftovers(store.dataDir)).toEqual([]);
  // A file on the volatile disk has a second hard link, so its mode cannot be judged there.
  if (fault?.what !== "power-cut") expect(exposed(store.dataDir)).toEqual([]);
  await restoreEverything(nodeFileSystem, store.dataDir);
  expect(store.image(), "restored in the end").toEqual(damaged);
}

/** The image without the times of files that were replaced, because these times differ in each run. */
function withoutNewTimes(image: Image, damaged: Image): Image {
  const entries = Object.entries(image).map(([place, value]) => [
    place,
    value === damaged[place] ? value : value.replace(/^(\d+) \d+ /, "$1 "),
  ]);
  return Object.fromEntries(entries);
}

/**
 * Checks that the purge did not change the store, that each run is complete or gone, and that a second purge finishes
 * the first.
 */
export async function judgePurge(subject: Subject): Promise<void> {
  const { store, damaged } = subject;
  const repaired = withoutNewTimes(subject.repaired, damaged);
  bury(store.dataDir);
  expect(withoutNewTimes(store.image(), damaged)).toEqual(repaired);
  await judgeManifests(store);
  await purgeEverything(nodeFileSystem, store.dataDir);
  expect(existsSync(quarantinePath(store.dataDir))).toBe(false);
  expect(withoutNewTimes(store.image(), damaged)).toEqual(repaired);
}

/** Checks that nothing has changed, and that the check left no file behind. */
export async function judgeCheck(subject: Subject): Promise<void> {
  expect(subject.store.image()).toEqual(subject.damaged);
  expect(existsSync(quarantinePath(subject.store.dataDir))).toBe(false);
}

/** Changes the lock files of this process, so that they seem to belong to a process that ended long ago. */
export function bury(dataDir: string): void {
  const folder = quarantinePath(dataDir);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.startsWith(".lock")) continue;
    const path = join(folder, name);
    writeFileSync(path, readFileSync(path, "utf8").replace(`"pid":${process.pid}`, '"pid":999999999'));
    utimesSync(path, 1, 1);
  }
}

/**
 * Checks that every manifest can be read, and that each original is where its manifest says, or in the quarantine of a
 * later run.
 */
async function judgeManifests(store: StoreUnderTest): Promise<void> {
  const runs = await storedRuns(nodeFileSystem, store.dataDir);
  for (const run of runs) {
    if (!run.ok) throw new Error(run.problem);
    for (const item of run.manifest.items) {
      if (item.original === null) continue;
      const kept = isKept(run, item);
      const live = isLive(store, item);
      const keptLater = runs.some((each) => each.folder > run.folder && isKeptIn(each, item));
      const place = [item.locator, item.state, run.manifest.state];
      if (item.state === "done" && run.manifest.state !== "planned") expect([...place, kept]).toEqual([...place, true]);
      else if (item.state === "planned" || item.state === "done")
        expect([...place, live || kept]).toEqual([...place, true]);
      else expect([...place, live || keptLater]).toEqual([...place, true]);
    }
  }
}

function isKeptIn(run: StoredRun, wanted: ManifestItem): boolean {
  if (!run.ok) return false;
  const same = run.manifest.items.filter((item) => locatorText(item.locator) === locatorText(wanted.locator));
  return same.some((item) => item.original?.sha256 === wanted.original?.sha256 && isKept(run, item));
}

function isKept(run: StoredRun, item: ManifestItem): boolean {
  const path = join(run.folder, item.original?.file ?? "");
  return existsSync(path) && sha256(readFileSync(path)) === item.original?.sha256;
}

function isLive(store: StoreUnderTest, item: ManifestItem): boolean {
  const bytes = store.bytesAt(item.locator);
  return bytes !== null && sha256(bytes) === item.original?.sha256;
}

/** Files and folders in the quarantine that may exist only during a run. */
export function leftovers(dataDir: string): string[] {
  const root = quarantinePath(dataDir);
  return namesBelow(root).filter(
    (name) => /(^|\/)\.|\.tmp$|\.moving$/.test(name) || (dirname(name) === "." && isEmpty(join(root, name))),
  );
}

/** Files and folders of the quarantine that other users may read. */
function exposed(dataDir: string): string[] {
  const root = quarantinePath(dataDir);
  return namesBelow(root).filter((name) => isForOthers(join(root, name)));
}

function namesBelow(folder: string): string[] {
  return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : [];
}

/**
 * Whether other users may read a file or folder. A file with a second hard link is still in use elsewhere, so it is not
 * counted.
 */
function isForOthers(path: string): boolean {
  const found = lstatSync(path);
  return (found.mode & 0o077) !== 0 && (found.nlink === 1 || found.isDirectory());
}

function isEmpty(folder: string): boolean {
  return readdirSync(folder).length === 0;
}
