import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { parseAge } from "../../plugin/command-line/age.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { type Manifest, manifestText } from "../../plugin/quarantine/manifest.ts";
import { deleteRun, removeRemainders, runsOlderThan } from "../../plugin/quarantine/retention.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";
import { allRuns } from "../../plugin/quarantine/runs.ts";
import {
  createRunFolder,
  publishRun,
  storedRunID,
  storedRuns,
  UnwritableManifestError,
  writeManifest,
} from "../../plugin/quarantine/vault.ts";
import { writeItem } from "../../plugin/stores/item-files.ts";
import { FaultPlan, faultyFileSystem } from "../crash/faulty-file-system.ts";
import { folderImage } from "../stores/json-fixture.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

const DAY_MS = 86_400_000;
const NOW = Date.parse("2026-11-23T02:15:00.000Z");

let scratch: Scratch;

beforeEach(() => {
  scratch = scratchFolder();
});

afterEach(() => scratch.remove());

function manifest(sessionID: string | null, runID: string, ageDays = 0, state: Manifest["state"] = "done"): Manifest {
  return {
    ...{
      schemaVersion: 1,
      runID,
      sessionID,
      createdAt: new Date(NOW - ageDays * DAY_MS).toISOString(),
      trigger: "cli",
    },
    ...{ tool: { name: "opencode-session-repair", version: "0.1.0" }, host: null, state, items: [] },
    ...{ store: { generation: "json", contract: "syntax" }, safetyCopy: { state: "skipped", reason: "not needed" } },
  };
}

/** Stores a run with one item, as a repair leaves it. Returns the folder of the run. */
async function storedRun(
  sessionID: string | null,
  ageDays = 0,
  state: Manifest["state"] = "done",
  runID = newRunID(NOW),
): Promise<string> {
  const prepared = await createRunFolder(nodeFileSystem, scratch.path, sessionID, runID);
  await writeItem(nodeFileSystem, prepared.path, "items/0001-x.json", Buffer.from("{"));
  const run = await publishRun(nodeFileSystem, prepared, manifest(sessionID, runID, ageDays, state));
  return run.path;
}

const runs = () => storedRuns(nodeFileSystem, scratch.path);

describe("a run in quarantine", () => {
  test("lies where the contract says, by session, newest first", async () => {
    const first = await storedRun("ses_a");
    const second = await storedRun("ses_b");
    const third = await storedRun(null);
    expect(dirname(first)).toBe(join(scratch.path, "quarantine", "ses_a"));
    expect(dirname(third)).toBe(join(scratch.path, "quarantine", "_store"));
    expect((await runs()).map((run) => run.folder)).toEqual([third, second, first]);
    expect((await runs()).every((run) => run.ok)).toBe(true);
  });

  test.each([0o000, 0o022, 0o077])("is its owner's alone under umask %o", async (umask) => {
    const before = process.umask(umask);
    try {
      await storedRun("ses_a");
    } finally {
      process.umask(before);
    }
    const modes = new Map<string, number>();
    const walk = (path: string) => {
      const found = lstatSync(path);
      modes.set(path, found.mode & 0o777);
      if (found.isDirectory()) for (const name of readdirSync(path)) walk(join(path, name));
    };
    walk(join(scratch.path, "quarantine"));
    expect(modes.size).toBe(7);
    for (const [path, mode] of modes)
      expect([path, mode]).toEqual([path, lstatSync(path).isDirectory() ? 0o700 : 0o600]);
  });

  test("is not seen before it is whole", async () => {
    const runID = newRunID(NOW);
    const prepared = await createRunFolder(nodeFileSystem, scratch.path, "ses_a", runID);
    expect(await runs()).toEqual([]);
    await publishRun(nodeFileSystem, prepared, manifest("ses_a", runID));
    expect((await runs()).map(storedRunID)).toEqual([runID]);
  });

  test("shares its folder with no other: two stores with one session, sessions whose ids are no names", async () => {
    const runID = newRunID(NOW);
    const hostile = ["../../x", "ses/../../x", "", "ses_\0", "_store"];
    const folders = [await storedRun("ses_a", 0, "done", runID), await storedRun("ses_a", 0, "done", runID)];
    for (const sessionID of [null, ...hostile]) folders.push(await storedRun(sessionID, 0, "done", runID));
    expect(new Set(folders).size).toBe(8);
    const stored = await runs();
    expect(stored.map((run) => run.folder).sort()).toEqual([...folders].sort());
    expect(new Set(stored.map(storedRunID))).toEqual(new Set([runID]));
    expect(stored.map((run) => run.ok && run.manifest.sessionID)).toContain("../../x");
    expect(readdirSync(join(scratch.path, "quarantine")).sort()).toEqual(["_store", "ses_a"]);
    for (const folder of folders) expect(readFileSync(join(folder, "items/0001-x.json"), "utf8")).toBe("{");
  });

  test("is not begun with a manifest that could not be read back", async () => {
    const runID = newRunID(NOW);
    const prepared = await createRunFolder(nodeFileSystem, scratch.path, "ses_a", runID);
    const wrong = { ...manifest("ses_a", runID), createdAt: "+275760-09-13T00:00:00.000Z" };
    const refused = await publishRun(nodeFileSystem, prepared, wrong).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UnwritableManifestError);
    expect(await runs()).toEqual([]);
  });
});

describe("a run that cannot be read is named with its problem, and keeps nothing else from being read", () => {
  async function problemAfter(harm: (folder: string) => void | Promise<void>): Promise<string> {
    await storedRun("ses_good");
    const folder = await storedRun("ses_a");
    await harm(folder);
    const stored = await runs();
    expect(stored.filter((run) => run.ok)).toHaveLength(1);
    const bad = stored.find((run) => !run.ok);
    return bad !== undefined && !bad.ok ? bad.problem : "read";
  }

  test.each([
    ["absent", (folder: string) => rmSync(join(folder, "manifest.json")), "the run has no manifest"],
    [
      "torn",
      (folder: string) => writeFileSync(join(folder, "manifest.json"), '{"schemaVersion":'),
      "the manifest is not valid JSON",
    ],
    [
      "a folder",
      (folder: string) => {
        rmSync(join(folder, "manifest.json"));
        mkdirSync(join(folder, "manifest.json"));
      },
      "the run has no manifest",
    ],
    [
      "a link",
      (folder: string) => {
        renameSync(join(folder, "manifest.json"), join(folder, "elsewhere.json"));
        symlinkSync(join(folder, "elsewhere.json"), join(folder, "manifest.json"));
      },
      "its manifest cannot be read (ELOOP)",
    ],
    [
      "of another version",
      (folder: string) => {
        const text = readFileSync(join(folder, "manifest.json"), "utf8");
        writeFileSync(join(folder, "manifest.json"), text.replace('"schemaVersion": 1', '"schemaVersion": 2'));
      },
      "the manifest is not valid at schemaVersion",
    ],
    [
      "of another run",
      (folder: string) => writeFileSync(join(folder, "manifest.json"), manifestText(manifest("ses_a", newRunID(NOW)))),
      "the manifest belongs to another folder",
    ],
    [
      "of another session",
      (folder: string) =>
        writeFileSync(
          join(folder, "manifest.json"),
          manifestText(manifest("ses_b", readdirSync(dirname(folder))[0] ?? "")),
        ),
      "the manifest belongs to another folder",
    ],
  ])("its manifest is %s", async (_, harm, problem) => {
    expect(await problemAfter(harm)).toBe(problem);
  });

  test("its items are a link to elsewhere", async () => {
    const harm = (folder: string) => {
      renameSync(join(folder, "items"), join(folder, "elsewhere"));
      symlinkSync(join(folder, "elsewhere"), join(folder, "items"));
    };
    expect(await problemAfter(harm)).toBe("the run has no items");
  });

  test("links among the folders are not followed", async () => {
    const folder = await storedRun("ses_a");
    symlinkSync(dirname(folder), join(scratch.path, "quarantine", "ses_link"));
    symlinkSync(folder, join(dirname(folder), newRunID(NOW)));
    expect((await runs()).filter((run) => run.ok).map((run) => run.folder)).toEqual([folder]);
  });

  test("names that are none of ours are passed over", async () => {
    const folder = await storedRun("ses_a");
    for (const name of ["notes", "..x", `${newRunID(NOW)}.old`, `${newRunID(NOW)}.2.3`])
      mkdirSync(join(dirname(folder), name));
    writeFileSync(join(scratch.path, "quarantine", "ses_file"), "");
    expect((await runs()).map((run) => run.folder)).toEqual([folder]);
  });
});

describe("retention", () => {
  test.each([
    ["30d", 30 * DAY_MS],
    ["12h", DAY_MS / 2],
    ["2w", 14 * DAY_MS],
    ["90m", 5_400_000],
    ["0d", 0],
  ])("an age: %s", (text, age) => {
    expect(parseAge(text)).toBe(age);
  });

  test.each(["", "d", "30", "-1d", "1.5d", "30 d", "30D", "1y", "9999999d", "1e9d", "30d "])(
    "not an age: %j",
    (text) => {
      expect(parseAge(text)).toBeNull();
    },
  );

  test("counts what is older, and never what is in progress or cannot be read", async () => {
    const old = await storedRun("ses_a", 40);
    await storedRun("ses_b", 20);
    await storedRun("ses_c", 40, "planned");
    rmSync(join(await storedRun("ses_d", 40), "manifest.json"));
    expect(
      runsOlderThan(await allRuns(nodeFileSystem, scratch.path), 30 * DAY_MS, NOW).map((run) => run.folder),
    ).toEqual([old]);
  });

  test("a run is deleted with all it holds, and the folder of its session when that is empty", async () => {
    const folder = await storedRun("ses_a");
    await storedRun("ses_b");
    const other = folderImage(join(scratch.path, "quarantine", "ses_b"));
    await deleteRun(nodeFileSystem, { folder });
    expect(existsSync(dirname(folder))).toBe(false);
    expect(folderImage(join(scratch.path, "quarantine", "ses_b"))).toEqual(other);
  });

  test("what lies in a run as a link is deleted, not what it leads to", async () => {
    const folder = await storedRun("ses_a");
    const elsewhere = join(scratch.path, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "file"), "");
    symlinkSync(elsewhere, join(folder, "items", "link"));
    await deleteRun(nodeFileSystem, { folder });
    expect(readdirSync(elsewhere)).toEqual(["file"]);
  });

  test.each(["die", "die-after"] as const)(
    "%s at any step of it: the whole run or a remainder that the next one removes",
    async (what) => {
      for (let step = 1; ; step += 1) {
        const folder = await storedRun("ses_a");
        const before = folderImage(folder);
        const plan = new FaultPlan(step, { what });
        await deleteRun(faultyFileSystem(nodeFileSystem, plan), { folder }).catch(() => undefined);
        const stored = await runs();
        if (stored.length === 1) expect(folderImage(folder)).toEqual(before);
        await removeRemainders(nodeFileSystem, scratch.path);
        expect((await runs()).length).toBe(stored.length);
        for (const run of stored) await deleteRun(nodeFileSystem, run);
        const root = join(scratch.path, "quarantine");
        expect(existsSync(root) ? readdirSync(root) : []).toEqual([]);
        if (!plan.happened) break;
      }
    },
  );

  test("what a crash left of a run that never began is removed; a run, or what is none of ours, is not", async () => {
    const run = await storedRun("ses_a");
    await createRunFolder(nodeFileSystem, scratch.path, "ses_a", newRunID(NOW));
    await createRunFolder(nodeFileSystem, scratch.path, "ses_b", newRunID(NOW));
    mkdirSync(join(dirname(run), ".somebody-elses"));
    await removeRemainders(nodeFileSystem, scratch.path);
    expect(readdirSync(join(scratch.path, "quarantine"))).toEqual(["ses_a"]);
    expect(readdirSync(dirname(run)).sort()).toEqual([".somebody-elses", run.slice(dirname(run).length + 1)]);
  });
});

test("a manifest is rewritten in one step", async () => {
  const folder = await storedRun("ses_a");
  const [run] = await runs();
  if (!run?.ok) throw new Error("unreadable");
  for (let step = 1; ; step += 1) {
    const plan = new FaultPlan(step, { what: "die" });
    const state = step % 2 === 0 ? "done" : "restored";
    await writeManifest(faultyFileSystem(nodeFileSystem, plan), folder, { ...run.manifest, state }).catch(
      () => undefined,
    );
    expect((await runs())[0]?.ok).toBe(true);
    if (!plan.happened) break;
  }
});

test("a folder that may not be read is an error with a code, not a crash of another kind", async () => {
  if (process.getuid?.() === 0) return;
  const folder = await storedRun("ses_a");
  chmodSync(folder, 0);
  const [run] = await runs();
  chmodSync(folder, 0o700);
  expect(run?.ok).toBe(false);
});
