import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { runCli } from "./cli-process.ts";

/** A home folder whose store has one damaged part. A command that calls this store healthy did not look at it. */
let home: string;
let dataDir: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "opencode-session-repair-home-"));
  dataDir = join(home, ".local", "share", "opencode");
  const store = await createSqliteStore("1.18.33", sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  await cp(store.dataDir, dataDir, { recursive: true });
  store.remove();
  await mkdir(join(dataDir, "storage", "session_diff"), { recursive: true });
  await mkdir(join(home, "empty"));
  await mkdir(join(home, ".config", "opencode"), { recursive: true });
  await mkdir(join(dataDir, "log", "old"), { recursive: true });
});

afterAll(() => rm(home, { recursive: true, force: true }));

const RUN = "20261123T021500123Z-0000-9f86d081";

/** Every command that needs a store. */
const COMMANDS = [
  "check",
  "repair --yes",
  `restore ${RUN} --yes`,
  "runs",
  "purge --older-than 1d --yes",
  "rescue --yes",
  "salvage --yes",
  "show ses_a",
  "report",
];

test.each(COMMANDS)("%s in a folder without a store: status 2, no verdict, says where it looked", async (line) => {
  const empty = join(home, "empty");
  const { code, stdout, stderr } = await runCli([...line.split(" "), "--json", "--data-dir", empty]);
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({ reason: "no-store", verdict: null });
  expect(stderr).toContain(`No opencode data in ${empty}`);
  expect(await readdir(empty)).toEqual([]);
});

/** Paths below the home folder of this test that users give by mistake instead of the data directory. */
const ALMOST: readonly string[] = [
  ".",
  ".local",
  ".local/share",
  ".local/share/opencode/storage",
  ".local/share/opencode/log/old",
  ".local/share/opencode/opencode.db",
  ".local/share/opencod",
  ".config/opencode",
];

test.each(ALMOST)("--data-dir %s is not the data directory: status 2, and the ready command works", async (almost) => {
  const given = join(home, almost);
  const { code, stdout, stderr } = await runCli(["check", "--data-dir", given], { env: { HOME: home } });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(given.replace(/\/$/, ""));
  expect(await damagedBy(stderr)).toBe(true);
});

test("--db that names no file, and a database of another name as --data-dir", async () => {
  const missing = await runCli(["check", "--db", join(dataDir, "opencod.db")]);
  expect(missing.code).toBe(2);
  expect(await damagedBy(missing.stderr)).toBe(true);
  const other = join(home, "backup", "old.db");
  await mkdir(join(home, "backup"));
  for (const suffix of ["", "-wal"])
    await cp(join(dataDir, `opencode.db${suffix}`), other + suffix).catch(() => undefined);
  const named = await runCli(["check", "--data-dir", other]);
  expect(named.code).toBe(2);
  expect(named.stderr).toContain(`--db ${other}`);
  expect(await damagedBy(named.stderr)).toBe(true);
});

test("XDG_DATA_HOME and OPENCODE_DB that lead nowhere: status 2, and the ready command works", async () => {
  for (const env of [
    { HOME: home, XDG_DATA_HOME: join(home, "empty") },
    { HOME: home, XDG_DATA_HOME: dataDir },
    { HOME: home, XDG_DATA_HOME: "not/absolute" },
    { HOME: home, OPENCODE_DB: "none.db" },
    { HOME: home, OPENCODE_DB: join(home, "none.db") },
  ]) {
    const { code, stdout, stderr } = await runCli(["check"], { env });
    expect([env, code, stdout]).toEqual([env, 2, ""]);
    expect([env, await damagedBy(stderr, env)]).toEqual([env, true]);
  }
});

test("what is left without a store can still be listed and undone; a -wal alone is a store", async () => {
  const left = join(home, "left");
  await mkdir(join(left, "quarantine"), { recursive: true });
  expect((await runCli(["runs", "--data-dir", left])).code).toBe(0);
  expect((await runCli(["check", "--data-dir", left])).code).toBe(2);
  await writeFile(join(left, "opencode.db-wal"), "0");
  for (const where of [
    ["--data-dir", left],
    ["--db", join(left, "opencode.db")],
  ]) {
    const { code, stdout } = await runCli(["check", "--json", ...where]);
    expect([code, JSON.parse(stdout).findings[0].code]).toEqual([1, "wal-without-database"]);
  }
});

test("a link to the data directory is the data directory; one that leads nowhere is not", async () => {
  await symlink(dataDir, join(home, "linked"));
  expect((await runCli(["check", "--data-dir", join(home, "linked")])).code).toBe(1);
  await symlink(join(home, "gone"), join(home, "dangling"));
  expect((await runCli(["check", "--data-dir", join(home, "dangling")])).code).toBe(2);
});

test("a path with a space and a quote is quoted", async () => {
  const odd = join(home, "it's a folder");
  await mkdir(odd);
  await cp(dataDir, join(odd, "opencode"), { recursive: true });
  const { stderr } = await runCli(["check", "--data-dir", odd]);
  expect(await damagedBy(stderr)).toBe(true);
});

/**
 * Runs the first command that an answer names, as a shell would split it. Returns whether that command finds the
 * damage.
 */
async function damagedBy(answer: string, env: Readonly<Record<string, string>> = {}): Promise<boolean> {
  const [, command] = /Run: opencode-session-repair (.*?)(?: {3}or: .*)?\n/.exec(answer) ?? [];
  if (command === undefined) return false;
  const words = Bun.spawnSync(["sh", "-c", `printf '%s\\0' ${command}`])
    .stdout.toString()
    .split("\0")
    .slice(0, -1);
  const { code, stdout } = await runCli([...words, "--json"], { env: { HOME: home, ...env } });
  return code === 1 && JSON.parse(stdout).verdict === "damaged";
}
