import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { writeManifest } from "../../plugin/quarantine/vault.ts";
import { findSalvageRun, swapIn } from "../../plugin/salvage/salvage-run.ts";
import { askCli } from "../command-line/cli-service.ts";
import { until } from "../process/until.ts";
import { type ManySessions, manySessions } from "./many-sessions.ts";

let folder: string;
let whole: ManySessions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "salvage-command-"));
  whole = await manySessions("1.18.33", 3, join(folder, "whole"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function damagedDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(folder, "data-"));
  const database = join(dataDir, "opencode.db");
  const [main, wal] = [await readFile(whole.earlier), await readFile(whole.wal)];
  // Overwrites pages that have newer versions in the WAL, and the header of the WAL. Without the header, SQLite ignores
  // the WAL.
  for (let frame = 0; frame < 20; frame += 1) {
    const page = wal.readUInt32BE(32 + frame * 4120);
    if (page > 1 && page * 4096 <= main.length) main.fill(0, (page - 1) * 4096, page * 4096);
  }
  await writeFile(database, main);
  await writeFile(`${database}-wal`, wal.fill(0, 0, 32));
  return dataDir;
}

async function contentOf(dataDir: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of await readdir(dataDir)) {
    if (name.startsWith("opencode.db")) content[name] = (await readFile(join(dataDir, name))).toString("base64");
  }
  return content;
}

test("without a yes nothing is changed and nothing is left behind", async () => {
  const dataDir = await damagedDataDir();
  const before = await contentOf(dataDir);
  const result = await askCli(["salvage", "--data-dir", dataDir]);
  expect(result.code).toBe(1);
  expect(result.stdout).toContain("Add --yes");
  expect(await contentOf(dataDir)).toEqual(before);
  expect(await readdir(dataDir)).not.toContain("quarantine");
});

test("the new database lies beside its copy; the swap and its undo are exact", async () => {
  const dataDir = await damagedDataDir();
  const before = await contentOf(dataDir);
  const built = await askCli(["salvage", "--data-dir", dataDir, "--yes", "--json"]);
  const report = JSON.parse(built.stdout);
  expect(report.isSound).toBe(true);
  expect(report.swapped).toBe(false);
  expect(report.sessions.length).toBe(whole.sessionIDs.length);
  expect(await contentOf(dataDir)).toEqual(before);
  expect((await stat(report.database)).mode & 0o777).toBe(0o600);

  const swapped = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--swap", "--yes", "--json"])).stdout);
  // The swap uses the database that was already built.
  expect(swapped.runID).toBe(report.runID);
  expect(swapped.swapped).toBe(true);
  expect(Object.keys(await contentOf(dataDir))).toEqual(["opencode.db"]);
  const check = await askCli(["check", "--data-dir", dataDir, "--json"]);
  expect(check.code).toBe(0);
  expect(JSON.parse(check.stdout).checked.sessions).toBe(whole.sessionIDs.length);

  const restored = await askCli(["restore", report.runID, "--data-dir", dataDir, "--yes"]);
  expect(restored.stdout).toContain("Undone: 2 records restored.");
  expect(await contentOf(dataDir)).toEqual(before);
  const run = join(dataDir, "quarantine", "_store", report.runID);
  // The database that the undo replaced is kept too.
  expect(await readdir(join(run, "replaced-1"))).toEqual(["opencode.db"]);
});

test("an interrupted salvage goes on with the copy it has", async () => {
  const dataDir = await damagedDataDir();
  const first = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--yes", "--json"])).stdout);
  const run = join(dataDir, "quarantine", "_store", first.runID);
  await rm(join(run, "report.json"));
  await writeFile(join(run, "salvaged.db"), "half of it");
  await writeFile(join(run, "salvaged.db.ledger"), "half of it");
  const second = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--yes", "--json"])).stdout);
  expect(second).toMatchObject({ runID: first.runID, isSound: true, rows: first.rows });
  const names = ["items", "manifest.json", "report.json", "salvaged.db", "state.jsonl"];
  expect((await readdir(run)).sort()).toEqual(names);
});

test("shared memory that appeared since the copy was made keeps no swap from being made", async () => {
  const dataDir = await damagedDataDir();
  const before = await contentOf(dataDir);
  const built = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--yes", "--json"])).stdout);
  await writeFile(join(dataDir, "opencode.db-shm"), Buffer.alloc(32_768));
  const swapped = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--swap", "--yes", "--json"])).stdout);
  expect([swapped.runID, swapped.swapped]).toEqual([built.runID, true]);
  await askCli(["restore", built.runID, "--data-dir", dataDir, "--yes"]);
  expect(await contentOf(dataDir)).toEqual(before);
});

test("a swap that fails half way leaves the damaged database as it was, its WAL included", async () => {
  const dataDir = await damagedDataDir();
  const before = await contentOf(dataDir);
  await askCli(["salvage", "--data-dir", dataDir, "--yes"]);
  const database = join(dataDir, "opencode.db");
  const run = await findSalvageRun(nodeFileSystem, dataDir, database);
  if (run === null) throw new Error("there is no run");
  const rename: FileSystem["rename"] = (from, to) =>
    to === database ? Promise.reject(new Error("torn")) : nodeFileSystem.rename(from, to);
  await expect(swapIn({ ...nodeFileSystem, rename }, run, database, { isHeld: async () => true })).rejects.toThrow(
    "torn",
  );
  expect(await contentOf(dataDir)).toEqual(before);
  const again = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--swap", "--yes", "--json"])).stdout);
  expect(again).toMatchObject({ runID: run.manifest.runID, swapped: true });
});

test("a swap that a crash cut short is undone, its WAL included", async () => {
  const dataDir = await damagedDataDir();
  const before = await contentOf(dataDir);
  await askCli(["salvage", "--data-dir", dataDir, "--yes"]);
  const database = join(dataDir, "opencode.db");
  const run = await findSalvageRun(nodeFileSystem, dataDir, database);
  if (run === null) throw new Error("there is no run");
  const items = run.manifest.items.map((item) => ({ ...item, state: "planned" as const }));
  await writeManifest(nodeFileSystem, run.folder, { ...run.manifest, state: "planned", items });
  await rm(`${database}-wal`);
  const restored = await askCli(["restore", run.manifest.runID, "--data-dir", dataDir, "--yes", "--json"]);
  // `restore` has nothing to do, because taking the lock has already rolled the swap back.
  expect([restored.code, JSON.parse(restored.stdout).items]).toEqual([0, []]);
  expect(await contentOf(dataDir)).toEqual(before);
});

test("a file of zero bytes has nothing to salvage, and says so", async () => {
  const dataDir = await mkdtemp(join(folder, "data-"));
  await writeFile(join(dataDir, "opencode.db"), "");
  const result = await askCli(["salvage", "--data-dir", dataDir, "--yes"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain("(0 bytes), so there is nothing to salvage");
});

test("a database whose schema cannot be parsed is salvaged", async () => {
  const dataDir = await mkdtemp(join(folder, "data-"));
  const bytes = await readFile(whole.database);
  const at = bytes.indexOf("CREATE TABLE `part` (");
  expect(at).toBeGreaterThan(0);
  bytes.write("))))", at + 21);
  await writeFile(join(dataDir, "opencode.db"), bytes);
  const result = await askCli(["salvage", "--data-dir", dataDir, "--swap", "--yes", "--json"]);
  expect(JSON.parse(result.stdout)).toMatchObject({ isSound: true, swapped: true, verdict: "healthy" });
  expect((await askCli(["check", "--data-dir", dataDir])).code).toBe(0);
});

test("a sound database is left alone", async () => {
  const dataDir = await mkdtemp(join(folder, "data-"));
  await copyFile(whole.database, join(dataDir, "opencode.db"));
  const result = await askCli(["salvage", "--data-dir", dataDir, "--yes"]);
  expect(result.code).toBe(0);
  expect(result.stdout).toContain("nothing to salvage");
  expect(await readdir(dataDir)).toEqual(["opencode.db"]);
});

/** Linux shows the open files of a process in /proc. */
function openFilesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return readlinkSync(join(folder, name));
    } catch {
      return [];
    }
  });
}

test.each([false, true])(
  "nothing is put in place while another process has the database open (by a link: %p)",
  async (byLink) => {
    const dataDir = await damagedDataDir();
    if (byLink) await symlink(dataDir, `${dataDir}-link`);
    const named = byLink ? `${dataDir}-link` : dataDir;
    const holder = Bun.spawn(["tail", "-f", join(dataDir, "opencode.db")], { stdout: "ignore" });
    try {
      const open = join(await realpath(dataDir), "opencode.db");
      await until(() => openFilesOf(holder.pid).includes(open), "the other process does not open the database");
      const before = await contentOf(dataDir);
      const result = await askCli(["salvage", "--data-dir", named, "--swap", "--yes"]);
      expect(result.code).toBe(3);
      expect(result.stderr).toContain(`tail (process ${holder.pid})`);
      const { runs } = JSON.parse((await askCli(["runs", "--data-dir", named, "--json"])).stdout);
      expect(runs).toEqual([expect.objectContaining({ state: "rolled-back" })]);
      expect(await contentOf(dataDir)).toEqual(before);
    } finally {
      holder.kill();
    }
  },
);

test("what a WAL without its header holds is read: the new database has every row of every table", async () => {
  const dataDir = await damagedDataDir();
  const { database } = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--yes", "--json"])).stdout);
  const [a, b] = [new Database(database, { readonly: true }), new Database(whole.database, { readonly: true })];
  const tables = (b.query("select name from sqlite_master where type = 'table'").values() as string[][]).flat();
  for (const table of tables) {
    const count = (each: Database) => each.query(`select count(*) as n from "${table}"`).get();
    expect([table, count(a)]).toEqual([table, count(b)]);
  }
});

test.each([
  ["the salts of its header", 16, 8],
  ["one frame in its middle", 32 + 200 * 4120 + 100, 64],
] as const)(
  "a log of which SQLite leaves out most, since %s are overwritten, is told, and salvaged",
  async (_, at, length) => {
    const dataDir = await mkdtemp(join(folder, "data-"));
    const wal = await readFile(whole.wal);
    expect(wal.length).toBeGreaterThan(at + length);
    await copyFile(whole.earlier, join(dataDir, "opencode.db"));
    await writeFile(join(dataDir, "opencode.db-wal"), wal.fill(7, at, at + length));
    const before = await contentOf(dataDir);
    const checked = await askCli(["check", "--data-dir", dataDir, "--json"]);
    const { findings, advice } = JSON.parse(checked.stdout);
    expect(findings).toContainEqual(expect.objectContaining({ code: "wal-damaged", severity: "blocking" }));
    expect(advice["wal-damaged"]).toContain("salvage --swap");
    expect(await contentOf(dataDir)).toEqual(before);
    const swapped = JSON.parse((await askCli(["salvage", "--data-dir", dataDir, "--swap", "--yes", "--json"])).stdout);
    expect(swapped).toMatchObject({ isSound: true, swapped: true });
    expect(swapped.sessions.length).toBe(whole.sessionIDs.length);
  },
);

test.each(["earlier", "restarted"] as const)("a sound log is no finding: %s", async (which) => {
  const dataDir = await mkdtemp(join(folder, "data-"));
  const source = which === "earlier" ? { database: whole.earlier, wal: whole.wal } : whole.restarted;
  await copyFile(source.database, join(dataDir, "opencode.db"));
  await copyFile(source.wal, join(dataDir, "opencode.db-wal"));
  const { findings } = JSON.parse((await askCli(["check", "--data-dir", dataDir, "--json"])).stdout);
  expect(findings.filter(({ code }: { code: string }) => code === "wal-damaged")).toEqual([]);
});
