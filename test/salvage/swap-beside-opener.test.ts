/** A swap never replaces a database that another process has open, even if /proc does not show that process. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, link, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { hasDescriptorInLsof } from "../../plugin/platform/lsof.ts";
import { findSalvageRun, swapIn } from "../../plugin/salvage/salvage-run.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { hasOtherConnection, soleUse } from "../../plugin/stores/sqlite/sole-use.ts";
import { runCli } from "../command-line/cli-process.ts";
import { builtPackage } from "../package/built.ts";
import { lacks } from "../process/lacks.ts";
import { nodeWithSqlite } from "../stores/node-runtime.ts";
import { type ManySessions, manySessions } from "./many-sessions.ts";

const ENTRY = require.resolve("../../plugin/cli.ts");

const OPENER = join(import.meta.dirname, "database-opener.ts");

const canUnshare =
  process.platform === "linux" && Bun.spawnSync(["unshare", "--pid", "--fork", "--mount-proc", "true"]).exitCode === 0;

let folder: string;
let whole: ManySessions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "swap-beside-opener-"));
  whole = await manySessions("1.18.33", 3, join(folder, "whole"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A database with one damaged page. SQLite can still open it. */
async function damaged(): Promise<{ dataDir: string; database: string }> {
  const dataDir = await mkdtemp(join(folder, "data-"));
  const database = join(dataDir, "opencode.db");
  await copyFile(whole.database, database);
  const connection = new Database(database);
  const [row] = connection.query("select rootpage as page from sqlite_schema where name = 'message'").values();
  connection.close();
  await overwrite(database, (Number(row?.[0]) - 1) * 4096, Buffer.alloc(4096));
  return { dataDir, database };
}

async function overwrite(path: string, at: number, bytes: Buffer): Promise<void> {
  const file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}

interface Opener {
  readonly pid: number;
  commit(): Promise<void>;
  stop(): Promise<void>;
}

/** Another process that has the database open. It does nothing until it is told to commit a row. */
async function opener(
  database: string,
  how: "writes" | "loses-lock" | "journal" | "reads" = "writes",
): Promise<Opener> {
  const child = Bun.spawn([process.execPath, OPENER, database, how], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const reader = child.stdout.getReader();
  const next = async () => Buffer.from((await reader.read()).value ?? []).toString();
  expect(await next()).toBe("ready");
  const told = async () => {
    child.stdin.write("commit");
    await child.stdin.flush();
    return next();
  };
  return {
    pid: child.pid,
    async commit() {
      expect(await told()).toBe("done");
    },
    async stop() {
      child.stdin.end();
      await child.exited;
    },
  };
}

/** Runs the command line in a PID namespace of its own. Its /proc does not show the processes of this test. */
function inAnotherNamespace(...args: string[]) {
  const runtime = "unshare";
  return runCli(["--fork", "--kill-child", "--mount-proc", process.execPath, ENTRY, ...args], {
    runtime,
    entry: "--pid",
  });
}

async function committed(database: string): Promise<number> {
  const connection = new Database(database);
  const [row] = connection.query("select count(*) from opener").values();
  connection.close();
  return Number(row?.[0]);
}

test.if(canUnshare).each([
  ["idle", "writes", false],
  ["that has lost its lock on the database", "loses-lock", false],
  ["stopped", "writes", true],
] as const)("a swap beside an opener in another PID namespace, %s, is refused", async (_what, how, isStopped) => {
  const { dataDir, database } = await damaged();
  const other = await opener(database, how);
  if (isStopped) process.kill(other.pid, "SIGSTOP");
  const result = await inAnotherNamespace("salvage", "--swap", "--yes", "--data-dir", dataDir);
  expect(result.stderr).toContain("cannot be seen from here");
  expect(result.code).toBe(3);
  if (isStopped) process.kill(other.pid, "SIGCONT");
  await other.commit();
  await other.stop();
  expect(await committed(database)).toBe(1);
  expect((await readdir(dataDir)).filter((name) => name.endsWith(".locked"))).toEqual([]);
});

test.if(canUnshare)("so is one beside a process that only reads", async () => {
  const { dataDir, database } = await damaged();
  const writer = await opener(database);
  const reader = await opener(database, "reads");
  await writer.stop();
  const result = await inAnotherNamespace("salvage", "--swap", "--yes", "--data-dir", dataDir);
  expect([result.code, result.stderr]).toEqual([3, expect.stringContaining("cannot be seen from here")]);
  await reader.stop();
});

test.if(canUnshare)("so is one beside an opener without a WAL, which holds no lock while it is idle", async () => {
  const { dataDir, database } = await damaged();
  const other = await opener(database, "journal");
  await other.commit();
  const before = await readFile(database);
  const result = await inAnotherNamespace("salvage", "--swap", "--yes", "--data-dir", dataDir);
  expect([result.code, result.stderr]).toEqual([3, expect.stringContaining("cannot be seen from here")]);
  expect(await readFile(database)).toEqual(before);
  await other.commit();
  await other.stop();
  expect((await inAnotherNamespace("salvage", "--swap", "--yes", "--data-dir", dataDir)).code).toBe(0);
});

test.if(canUnshare)("a runtime that cannot see it there leaves a database without a WAL, and no other", async () => {
  const { dataDir, database } = await damaged();
  const node = await nodeWithSqlite();
  const dist = await builtPackage();
  const inNode = (...args: string[]) =>
    runCli(["--fork", "--kill-child", "--mount-proc", node, join(dist, "cli.js"), ...args, "--data-dir", dataDir], {
      runtime: "unshare",
      entry: "--pid",
    });
  const swapped = await inNode("salvage", "--swap", "--yes", "--json");
  expect(JSON.parse(swapped.stdout).swapped).toBe(true);
  // The new database uses a WAL even before opencode opens it, so the undo is not refused.
  const undone = await inNode("restore", JSON.parse(swapped.stdout).runID, "--yes");
  expect([undone.code, undone.stderr]).not.toEqual([3, expect.anything()]);
  const other = await opener(database, "journal");
  const before = await readFile(database);
  const refused = await inNode("salvage", "--swap", "--yes");
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining("has no WAL")]);
  expect(await readFile(database)).toEqual(before);
  await other.stop();
});

test.if(process.platform !== "win32" && !lacks("lsof"))("lsof tells who has a file open, as on macOS", async () => {
  const { database } = await damaged();
  const program = Bun.which("lsof") ?? "";
  const own = await open(database, "r");
  expect(await hasDescriptorInLsof(database, program)).toBe(false);
  const other = await opener(database, "journal");
  expect(await hasDescriptorInLsof(database, program)).toBe(true);
  await other.stop();
  await own.close();
  expect(await hasDescriptorInLsof(database, join(folder, "no-lsof"))).toBe(null);
  // An `lsof` that is killed may have printed only this process, before it could print the others.
  const killed = join(folder, "killed-lsof");
  await writeFile(killed, `#!/bin/sh\necho ${process.pid}\nkill -9 $$\n`, { mode: 0o755 });
  expect(await hasDescriptorInLsof(database, killed)).toBe(null);
});

test.if(canUnshare)("so is one beside an opener of a database whose header is overwritten", async () => {
  const { dataDir, database } = await damaged();
  const other = await opener(database);
  await overwrite(database, 0, Buffer.alloc(16, "x"));
  const before = await readFile(database);
  const result = await inAnotherNamespace("salvage", "--swap", "--yes", "--data-dir", dataDir);
  expect(result.stderr).toContain("cannot be seen from here");
  expect(result.code).toBe(3);
  expect(await readFile(database)).toEqual(before);
  await other.stop();
});

test.if(canUnshare)("and the undo of a swap", async () => {
  const { dataDir, database } = await damaged();
  const swapped = await runCli(["salvage", "--swap", "--yes", "--json", "--data-dir", dataDir]);
  const { runID } = JSON.parse(swapped.stdout);
  const other = await opener(database);
  const result = await inAnotherNamespace("restore", runID, "--yes", "--data-dir", dataDir);
  expect(result.stderr).toContain("cannot be seen from here");
  expect(result.code).toBe(3);
  await other.commit();
  await other.stop();
  expect(await committed(database)).toBe(1);
  expect((await runCli(["restore", runID, "--yes", "--data-dir", dataDir])).stderr).not.toContain("open in");
});

test("whoever comes at the moment of the exchange does not get in", async () => {
  const { dataDir, database } = await damaged();
  await runCli(["salvage", "--yes", "--data-dir", dataDir]);
  const run = await findSalvageRun(nodeFileSystem, dataDir, database);
  if (run === null) throw new Error("there is no run");
  let answer = "";
  const rename: FileSystem["rename"] = async (from, to) => {
    if (to === database) {
      const late = Bun.spawn([process.execPath, OPENER, database, "writes"], {
        stdin: "pipe",
        stdout: "pipe",
      });
      late.stdin.end();
      answer = await new Response(late.stdout).text();
    }
    return nodeFileSystem.rename(from, to);
  };
  await swapIn({ ...nodeFileSystem, rename }, run, database, { isHeld: async () => true });
  expect(answer).toBe("SQLITE_BUSY");
  const now = new Database(database, { readonly: true });
  expect(now.query("pragma quick_check").values()).toEqual([["ok"]]);
  now.close();
});

test("what is written between the look and the lock is noticed", async () => {
  const { dataDir, database } = await damaged();
  await runCli(["salvage", "--yes", "--data-dir", dataDir]);
  const run = await findSalvageRun(nodeFileSystem, dataDir, database);
  if (run === null) throw new Error("there is no run");
  let locks = 0;
  const name = join(dataDir, ".opencode.db.locked");
  const links: FileSystem["link"] = async (from, to) => {
    // The tool has checked the database for the last time, and does not have the lock yet.
    if (to === name && ++locks === 3) await overwrite(database, 0, Buffer.from("S"));
    return nodeFileSystem.link(from, to);
  };
  const swap = swapIn({ ...nodeFileSystem, link: links }, run, database, { isHeld: async () => true });
  await expect(swap).rejects.toThrow("changed after it was copied");
  expect(locks).toBeGreaterThan(2);
});

test("a lock that nobody has in the way changes no byte, whatever lies beside the database", async () => {
  const { dataDir, database } = await damaged();
  await copyFile(whole.wal, `${database}-wal`);
  await copyFile(whole.wal, `${database}-journal`);
  const content = async () => {
    const names = (await readdir(dataDir)).sort();
    return Promise.all(names.map(async (name) => [name, (await readFile(join(dataDir, name))).toString("base64")]));
  };
  const before = await content();
  await (await soleUse(nodeFileSystem, database)).release();
  expect(await content()).toEqual(before);
});

test("a file system without hard links is a reason to leave the database as it is", async () => {
  const { database } = await damaged();
  const files = { ...nodeFileSystem, link: () => Promise.reject(Object.assign(new Error("no"), { code: "EPERM" })) };
  await expect(soleUse(files, database)).rejects.toThrow("no hard links");
});

test.if(process.platform === "linux")("Node's SQLite sees the same", async () => {
  const { database } = await damaged();
  const script = `
    import { nodeFileSystem } from ${JSON.stringify(join(ENTRY, "..", "platform", "file-system.ts"))};
    import { loadDriver } from ${JSON.stringify(join(ENTRY, "..", "stores", "sqlite", "driver.ts"))};
    import { hasOtherConnection, soleUse } from ${JSON.stringify(join(ENTRY, "..", "stores", "sqlite", "sole-use.ts"))};
    const [database, hidden] = process.argv.slice(1);
    const seen = await hasOtherConnection(nodeFileSystem, await loadDriver(), database);
    const refused = await soleUse(nodeFileSystem, hidden).then((use) => use.release().then(() => "had"), () => "refused");
    console.log(seen, refused);`;
  const look = async (of: string, hidden: string) => {
    const flags = ["--experimental-transform-types", "--no-warnings", "--input-type=module", "--eval", script];
    const child = Bun.spawn([await nodeWithSqlite(), ...flags, of, hidden], { stdout: "pipe", stderr: "inherit" });
    return (await new Response(child.stdout).text()).trim();
  };
  expect(await look(database, database)).toBe("false had");
  const hidden = join(database, "..", "elsewhere.db");
  await link(database, hidden);
  const other = await opener(database);
  const driver = await loadDriver();
  expect(driver !== null && (await hasOtherConnection(nodeFileSystem, driver, database))).toBe(true);
  expect(await look(database, hidden)).toBe("true refused");
  await other.stop();
});
