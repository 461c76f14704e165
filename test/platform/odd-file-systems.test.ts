import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { FileSystem } from "../../plugin/platform/file-system.ts";
import { runCli } from "../command-line/cli-process.ts";
import { mountSmallDisk } from "../crash/small-disk.ts";
import { blockingIn, checkAndRepair, findingsIn, restoreEverything, settledFiles } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore, folderImage } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import type { Image, StoreUnderTest } from "../stores/store-under-test.ts";

const MEGABYTE = 1024 * 1024;
const PART = "storage/part/msg_a1/prt_a1_1.json";

const MANY = 10_000;

/**
 * How many calls of the file system the check may make for each stray file. A check that lists the folder again for
 * each file needs more.
 */
const MOST_CALLS = 7;

let store: StoreUnderTest;

beforeEach(() => {
  store = createJsonStore(sampleContent());
});

afterEach(() => store.remove());

const at = (path: string) => join(store.dataDir, path);

function damage(): void {
  store.overwrite({ path: PART }, Buffer.from("{"));
}

interface Peak {
  readonly codes: readonly string[];
  readonly done: number;
  readonly stopped: unknown;
  readonly peakBytes: number;
}

function measured(dataDir: string): Peak {
  const { stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, "check-and-repair.ts"), dataDir]);
  if (stdout.length === 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

function sparse(path: string, bytes: number): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), "[");
  truncateSync(at(path), bytes);
  utimesSync(at(path), 1_700_000_000, 1_700_000_000);
}

/** The same file system, with a count of its calls. */
function counted(files: FileSystem): { readonly files: FileSystem; calls(): number } {
  let calls = 0;
  const counting = new Proxy(files, {
    get(target, name: keyof FileSystem) {
      calls += 1;
      return target[name];
    },
  });
  return { files: counting, calls: () => calls };
}

test("a 250 MB session_diff and a 220 MB part are judged and quarantined without being held", async () => {
  const baseline = measured(store.dataDir).peakBytes;
  sparse("storage/session_diff/ses_a.json", 250 * MEGABYTE);
  sparse(PART, 220 * MEGABYTE);
  const { codes, done, stopped, peakBytes } = measured(store.dataDir);
  expect(codes.length).toBeGreaterThan(0);
  expect([done, stopped]).toEqual([codes.length, null]);
  // This limit is smaller than either of the two files.
  expect(peakBytes - baseline).toBeLessThan(200 * MEGABYTE);
  await restoreEverything(settledFiles, store.dataDir);
  expect(lstatSync(at(PART)).size).toBe(220 * MEGABYTE);
  // The restore moved the file and did not copy it, so the file is still sparse.
  expect(lstatSync(at(PART)).blocks * 512).toBeLessThan(MEGABYTE);
});

test("a 150 MB part in a database is judged without being held", async () => {
  const rows = await createSqliteStore("1.18.33", sampleContent());
  const baseline = measured(rows.dataDir).peakBytes;
  rows.overwriteWithZeros(rows.locatorOf("part", "prt_a1_1"), 150 * MEGABYTE);
  const { codes, stopped, peakBytes } = measured(rows.dataDir);
  expect([codes.length, stopped]).toEqual([1, null]);
  // SQLite itself keeps one copy of a value in memory while the value is hashed or copied.
  expect(peakBytes - baseline).toBeLessThan(500 * MEGABYTE);
  rows.remove();
});

test("10,000 stray files are each listed once", async () => {
  const folder = at("storage/part/msg_a1");
  for (let number = 0; number < MANY; number += 1) writeFileSync(join(folder, `stray-${number}.bak`), "");
  // The folder looks as if nobody had changed it for a long time.
  utimesSync(folder, 1_700_000_000, 1_700_000_000);
  const { files, calls } = counted(settledFiles);
  const findings = await findingsIn(store.dataDir, files);
  expect(findings.filter(({ code }) => code === "stray-file")).toHaveLength(MANY);
  expect(calls()).toBeLessThan(MANY * MOST_CALLS);
});

test("a data directory behind a symbolic link is repaired where it is", async () => {
  damage();
  const before = store.image();
  const link = join(dirname(store.dataDir), "link");
  symlinkSync(store.dataDir, link);
  const { items, stopped } = await checkAndRepair(link);
  expect([items.map(({ action }) => action), stopped]).toEqual([["quarantined"], null]);
  expect(lstatSync(at("quarantine")).isDirectory()).toBe(true);
  await restoreEverything(settledFiles, link);
  expect(store.image()).toEqual(before);
});

test("another name of a damaged file keeps its bytes, its mode and its time", async () => {
  damage();
  const other = join(dirname(store.dataDir), "other name");
  linkSync(at(PART), other);
  const before = folderImage(dirname(store.dataDir), ["opencode"]);
  await checkAndRepair(store.dataDir);
  expect(folderImage(dirname(store.dataDir), ["opencode"])).toEqual(before);
  await restoreEverything(settledFiles, store.dataDir);
  expect(lstatSync(at(PART)).ino).toBe(lstatSync(other).ino);
});

test("names of odd bytes are passed over or quarantined, never mistaken for others", async () => {
  damage();
  const folder = Buffer.from(`${at("storage/part/msg_a1")}/`);
  for (const name of [
    Buffer.from([0x70, 0xff, 0xfe]),
    Buffer.from("prt_\n\t.json"),
    Buffer.from("prt_\u202e.json"),
    Buffer.from("prt_'\"`$(x).json"),
  ]) {
    writeFileSync(Buffer.concat([folder, name]), "{");
  }
  const before = namesIn(folder);
  const { stopped } = await checkAndRepair(store.dataDir);
  expect(stopped).toBeNull();
  const manifest = readdirSync(at("quarantine/ses_a"));
  expect(manifest).toHaveLength(1);
  await restoreEverything(settledFiles, store.dataDir);
  expect(namesIn(folder)).toEqual(before);
});

function namesIn(folder: Buffer): string[] {
  return readdirSync(folder, { encoding: "buffer" })
    .map((name) => name.toString("hex"))
    .sort();
}

test("few file descriptors: a check ends with findings or a sentence, not with a defect", async () => {
  damage();
  const command = `ulimit -n 40; exec '${process.execPath}' '${require.resolve("../../plugin/cli.ts")}' check --data-dir '${store.dataDir}'`;
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
  expect([1, 4]).toContain(status ?? -1);
  expect(stdout + stderr).not.toMatch(/\n {4}at |defect/i);
});

const disk = mountSmallDisk(4);
const mounts = typeof disk !== "string";
if (typeof disk === "string") process.stderr.write(`${disk}\n`);
else disk.remove();

test.skipIf(!mounts)("a quarantine on another file system: moved by copy, and undone", async () => {
  damage();
  const before = store.image();
  mkdirSync(at("quarantine"), { mode: 0o700 });
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", at("quarantine")]);
  try {
    const { items, stopped } = await checkAndRepair(store.dataDir);
    expect([items.map(({ action }) => action), stopped]).toEqual([["quarantined"], null]);
    expect(await blockingIn(store.dataDir)).toEqual([]);
    await restoreEverything(settledFiles, store.dataDir);
    // The time of a copied file is only exact to the microsecond.
    const rounded = (image: Image) =>
      JSON.stringify(image).replace(/ (\d{19}) /g, (_, time: string) => ` ${(BigInt(time) + 500n) / 1000n} `);
    expect(rounded(store.image())).toBe(rounded(before));
  } finally {
    spawnSync("umount", ["-l", at("quarantine")]);
  }
});

test.skipIf(!mounts)("a file system that may only be read: checked, and refused in one sentence", async () => {
  damage();
  const before = store.image();
  spawnSync("mount", ["--bind", store.dataDir, store.dataDir]);
  spawnSync("mount", ["-o", "remount,bind,ro", store.dataDir]);
  try {
    // opencode does not start here either, so the read-only file system is an error.
    const codes = (await blockingIn(store.dataDir)).map(({ code }) => code);
    expect(codes.sort()).toEqual(["read-only-file-system", "truncated"]);
    const { stopped } = await checkAndRepair(store.dataDir);
    expect(stopped?.message).toBe(
      "A file or folder that is needed may not be read or changed, or the file system is read-only. Nothing was lost. `opencode-session-repair check` in a terminal names the file and the command that corrects it.",
    );
    const { code, stderr } = await runCli(["repair", "--yes", "--data-dir", store.dataDir]);
    expect([code, stderr.trim().split("\n").length]).toEqual([4, 1]);
    expect(store.image()).toEqual(before);
  } finally {
    spawnSync("umount", ["-l", store.dataDir]);
  }
});
