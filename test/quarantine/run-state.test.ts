import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, lstatSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deedsOfStart } from "../../plugin/opencode/terminal-ui/start-deeds.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { allRuns, isUnfinished, keptByUser } from "../../plugin/quarantine/runs.ts";
import { type StoredRun, storedRuns, writeManifest } from "../../plugin/quarantine/vault.ts";
import { deleteFinishedRuns } from "../../plugin/repair/finished-runs.ts";
import { settleUnfinished } from "../../plugin/repair/repair.ts";
import { FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { blockingIn, repairFindings, restoreEverything, settledFiles } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";
import { located } from "../stores/store-under-test.ts";
import { countingFiles, storeRun } from "./stored-runs.ts";

const DAY_MS = 86_400_000;

let scratch: Scratch;

beforeEach(() => {
  scratch = scratchFolder();
});

afterEach(() => scratch.remove());

const stateFile = ({ folder }: { readonly folder: string }) => join(folder, "state.jsonl");

const settle = async () =>
  settleUnfinished({
    files: nodeFileSystem,
    located: { dataDir: scratch.path, databases: [], json: "records" },
    access: "outside",
  });

/** The summary of each run. For a run with a problem, its id and the problem. */
async function summaries(files: FileSystem = nodeFileSystem) {
  return (await allRuns(files, scratch.path)).map((run) =>
    run.ok ? run.state : { runID: run.runID, problem: run.problem },
  );
}

function replaceText(file: string, text: string): void {
  rmSync(file);
  writeFileSync(file, text);
}

/** The run in quarantine. There must be exactly one. */
async function only(): Promise<StoredRun & { ok: true }> {
  const [run, ...others] = await storedRuns(nodeFileSystem, scratch.path);
  if (!run?.ok || others.length > 0) throw new Error("there is not one run");
  return run;
}

describe("a run's state file", () => {
  test("is its owner's, small, and says neither names nor content of what was restored", async () => {
    const { path } = await storeRun(scratch.path, { items: 2000, state: "restored", evidence: 100 });
    const file = stateFile({ folder: path });
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, "latin1");
    expect(text).not.toContain("prt_");
    expect(text.indexOf("\n")).toBeLessThan(1024);
    expect((await keptByUser(nodeFileSystem, scratch.path)).size).toBe(2000);
  });

  test("answers for the manifest, and without it the manifest does", async () => {
    await storeRun(scratch.path, { items: 3, state: "done" });
    await storeRun(scratch.path, { items: 2, state: "restored", sessionID: "ses_y" });
    await storeRun(scratch.path, { items: 1, state: "rolled-back", sessionID: "../../x" });
    const counting = countingFiles(nodeFileSystem);
    const known = await summaries(counting.files);
    const kept = await keptByUser(nodeFileSystem, scratch.path);
    const manifests = await storedRuns(nodeFileSystem, scratch.path);
    for (const run of manifests) rmSync(stateFile(run));
    expect(await summaries()).toEqual(known);
    expect(await keptByUser(nodeFileSystem, scratch.path)).toEqual(kept);
    expect(kept.size).toBe(2);
    const read = countingFiles(nodeFileSystem);
    await summaries(read.files);
    expect(counting.bytes()).toBeLessThan(read.bytes());
  });

  test("cut off anywhere, or with any byte changed, counts for nothing", async () => {
    await storeRun(scratch.path, { items: 2, state: "restored" });
    const file = stateFile(await only());
    const whole = readFileSync(file);
    const [known, kept] = [await summaries(), await keptByUser(nodeFileSystem, scratch.path)];
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (whole[at] ?? 0) ^ 0x10;
      for (const bytes of [whole.subarray(0, at), changed]) {
        writeFileSync(file, bytes);
        expect([at, await summaries(), await keptByUser(nodeFileSystem, scratch.path)]).toEqual([at, known, kept]);
      }
    }
  });

  test.each([
    ["replaced", replaceText],
    ["edited in place", (file: string, text: string) => writeFileSync(file, text)],
  ])("of a manifest that somebody %s says nothing of the new one", async (_, change) => {
    await storeRun(scratch.path, { items: 1, state: "done" });
    const { folder } = await only();
    const file = join(folder, "manifest.json");
    const before = lstatSync(file);
    // The new text has the same length as the old one.
    change(file, readFileSync(file, "utf8").replace('"trigger": "cli"', '"trigger": "tui"'));
    utimesSync(file, before.atime, before.mtime);
    expect(await summaries()).toMatchObject([{ trigger: "tui" }]);
    expect(await isUnfinished(nodeFileSystem, scratch.path)).toBe(true);
    await settle();
    expect(await isUnfinished(nodeFileSystem, scratch.path)).toBe(false);
    expect(await summaries()).toMatchObject([{ trigger: "tui" }]);
  });

  test("is written where an older version, or a copy of the data directory, has none that holds", async () => {
    await storeRun(scratch.path, { items: 1, state: "done" });
    await storeRun(scratch.path, { items: 1, state: "restored", sessionID: "ses_y" });
    const known = await summaries();
    const [older, copied] = await storedRuns(nodeFileSystem, scratch.path);
    if (older === undefined || copied === undefined) throw new Error("two runs were stored");
    rmSync(stateFile(older));
    cpSync(copied.folder, `${scratch.path}/copy`, { recursive: true, preserveTimestamps: true });
    rmSync(copied.folder, { recursive: true });
    cpSync(`${scratch.path}/copy`, copied.folder, { recursive: true, preserveTimestamps: true });
    await settle();
    const counting = countingFiles(nodeFileSystem);
    expect(await isUnfinished(counting.files, scratch.path)).toBe(false);
    expect(await summaries(counting.files)).toEqual(known);
    expect(counting.bytes()).toBeLessThan(8 * 1024);
  });

  test("a planned run has none that holds, even while it is undone", async () => {
    await storeRun(scratch.path, { items: 1, state: "planned" });
    const { folder, manifest } = await only();
    expect(existsSync(join(folder, "state.jsonl"))).toBe(false);
    expect(await isUnfinished(nodeFileSystem, scratch.path)).toBe(true);
    await writeManifest(nodeFileSystem, folder, { ...manifest, state: "done" });
    expect(await isUnfinished(nodeFileSystem, scratch.path)).toBe(false);
    await writeManifest(nodeFileSystem, folder, { ...manifest, state: "planned" });
    expect(await isUnfinished(nodeFileSystem, scratch.path)).toBe(true);
    expect(await summaries()).toMatchObject([{ state: "planned" }]);
  });

  test.each(["die", "die-after", "EIO", "ENOSPC"] as const)(
    "%s at any step of a new manifest: what is said is what the manifest says",
    async (what) => {
      for (let step = 1; ; step += 1) {
        rmSync(join(scratch.path, "quarantine"), { recursive: true, force: true });
        await storeRun(scratch.path, { items: 2, state: "done" });
        const { folder, manifest } = await only();
        const isDeath = what === "die" || what === "die-after";
        const plan = new FaultPlan(step, isDeath ? { what } : { what: "fail", code: what, lasting: false });
        const items = manifest.items.map((item) => ({ ...item, state: "restored" as const }));
        const restored = { ...manifest, state: "restored" as const, items };
        await writeManifest(faultyFileSystem(nodeFileSystem, plan), folder, restored).catch(() => undefined);
        const { manifest: now } = await only();
        expect(await summaries()).toMatchObject([{ state: now.state, byState: { [now.state]: 2 } }]);
        expect((await keptByUser(nodeFileSystem, scratch.path)).size).toBe(now.state === "restored" ? 2 : 0);
        if (!plan.happened) break;
      }
    },
  );

  test("a manifest that is not valid is read once, not at each start", async () => {
    await storeRun(scratch.path, { items: 1000, state: "done" });
    const { folder } = await only();
    writeFileSync(join(folder, "manifest.json"), `${readFileSync(join(folder, "manifest.json"), "utf8")}}`);
    await settle();
    const counting = countingFiles(nodeFileSystem);
    expect(await isUnfinished(counting.files, scratch.path)).toBe(false);
    expect(await summaries(counting.files)).toMatchObject([{ problem: "the manifest is not valid JSON" }]);
    expect(counting.bytes()).toBeLessThan(8 * 1024);
  });

  test("what the start repaired is told without a look at older runs", async () => {
    const since = Date.now() - 1000;
    await storeRun(scratch.path, { items: 1000, state: "done", createdAt: new Date(since - 1), trigger: "preload" });
    for (const { folder } of await storedRuns(nodeFileSystem, scratch.path)) rmSync(stateFile({ folder }));
    await storeRun(scratch.path, { items: 3, state: "done", trigger: "preload" });
    // The plugin made this repair by itself soon after the start, when the terminal UI was not there yet.
    await storeRun(scratch.path, { items: 1, state: "done", trigger: "watch" });
    await storeRun(scratch.path, { items: 1, state: "done", trigger: "command" });
    const counting = countingFiles(nodeFileSystem);
    expect(await deedsOfStart(counting.files, scratch.path, since)).toEqual({
      sessions: 2,
      remedies: ["quarantine", "quarantine", "quarantine", "quarantine"],
    });
    expect(counting.bytes()).toBeLessThan(8 * 1024);
  });
});

test("while it cannot be read what a user restored, nothing is repaired unasked", async () => {
  const store = createJsonStore(sampleContent());
  try {
    const { path } = await storeRun(store.dataDir, { items: 1, state: "restored" });
    store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.alloc(0));
    const found = await blockingIn(store.dataDir);
    const before = store.image();
    const files: FileSystem = {
      ...settledFiles,
      async readPiece(file, offset, length) {
        if (file.startsWith(path)) throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
        return settledFiles.readPiece(file, offset, length);
      },
      async read(file, largest) {
        if (file.startsWith(path)) throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
        return settledFiles.read(file, largest);
      },
    };
    const result = await repairFindings(files, store.dataDir, found, { codes: null, unasked: true });
    expect(result.stopped).toMatchObject({ kind: "failed" });
    expect(store.image()).toEqual(before);
    const again = await repairFindings(settledFiles, store.dataDir, found, { codes: null, unasked: true });
    expect(again.items).toMatchObject([{ action: "quarantined" }]);
  } finally {
    store.remove();
  }
});

describe("a run that was undone completely", () => {
  const long = 31 * DAY_MS;

  /** Makes an old run that was restored `restoredAgoMs` ago. Its record is damaged again because of the restore. */
  async function undone(restoredAgoMs: number) {
    const store = createJsonStore(sampleContent());
    store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.alloc(0));
    const found = await blockingIn(store.dataDir);
    await repairFindings(settledFiles, store.dataDir, found);
    const [run] = await storedRuns(nodeFileSystem, store.dataDir);
    if (!run?.ok) throw new Error("there is no run");
    await restoreEverything(settledFiles, store.dataDir);
    const [restored] = await storedRuns(nodeFileSystem, store.dataDir);
    if (!restored?.ok) throw new Error("there is no run");
    const createdAt = new Date(Date.now() - long).toISOString();
    await writeManifest(nodeFileSystem, run.folder, { ...restored.manifest, createdAt });
    const at = new Date(Date.now() - restoredAgoMs);
    utimesSync(join(run.folder, "manifest.json"), at, at);
    const where = {
      files: settledFiles,
      located: await located(settledFiles, store.dataDir),
      access: "outside" as const,
    };
    const isThere = () => existsSync(run.folder);
    return { store, found, where, isThere };
  }

  test("stays where its store was not checked as a whole, and where its record is still damaged", async () => {
    const { store, found, where, isThere } = await undone(long);
    try {
      await deleteFinishedRuns(where, [], 30 * DAY_MS);
      expect(isThere()).toBe(true);
      await deleteFinishedRuns(where, [{ database: "opencode.db", findings: [] }], 30 * DAY_MS);
      expect(isThere()).toBe(true);
      await deleteFinishedRuns(where, [{ database: null, findings: found }], 30 * DAY_MS);
      expect(isThere()).toBe(true);
      await deleteFinishedRuns(where, [{ database: null, findings: [] }], 30 * DAY_MS);
      expect(isThere()).toBe(false);
    } finally {
      store.remove();
    }
  });

  test("stays where it was undone lately, however old it is", async () => {
    const { store, where, isThere } = await undone(29 * DAY_MS);
    try {
      await deleteFinishedRuns(where, [{ database: null, findings: [] }], 30 * DAY_MS);
      expect(isThere()).toBe(true);
    } finally {
      store.remove();
    }
  });
});
