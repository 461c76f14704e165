import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { runCli } from "./cli-process.ts";

const CLI = require.resolve("../../plugin/cli.ts");

let folder: string;
/** A data directory with an empty part. */
let damaged: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-output-"));
  const store = await createSqliteStore("1.18.33", sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from(""));
  damaged = join(folder, "damaged");
  cpSync(store.dataDir, damaged, { recursive: true });
  store.remove();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command line in a shell that redirects its output. In the script, `"$@"` is the command. */
function inShell(script: string, ...args: readonly string[]) {
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/nonexistent" };
  const { stdout, stderr } = spawnSync("sh", ["-c", script, "sh", process.execPath, CLI, ...args], {
    env,
    encoding: "utf8",
  });
  return { status: Number(/status=(\d+)/.exec(stdout)?.[1]), stderr };
}

test.if(process.platform !== "win32")("a reader who leaves ends the answer, not the repair", async () => {
  const store = join(folder, "left");
  cpSync(damaged, store, { recursive: true });
  const script = 'exec 5>&1; { "$@" 5>&-; echo "status=$?" >&5; } | exec true';
  const { status, stderr } = inShell(script, "repair", "--yes", "--data-dir", store);
  expect([status, stderr]).toEqual([0, ""]);
  const { verdict } = JSON.parse((await runCli(["check", "--json", "--data-dir", store])).stdout);
  expect(verdict).toBe("healthy");
  for (const args of [["check", "--json"], ["check"], ["show", "ses_a"], ["show", "ses_a", "--markdown"]]) {
    const left = inShell(script, ...args, "--data-dir", damaged);
    expect([left.status, left.stderr]).toEqual([1, ""]);
  }
});

test.if(existsSync("/dev/full"))(
  "an answer that a full disk swallows is failed, and says where the changes are",
  () => {
    const script = '"$@" > /dev/full; echo "status=$?"';
    for (const args of [["check", "--json"], ["check"], ["help"]]) {
      const { status, stderr } = inShell(script, ...args, "--data-dir", damaged);
      expect(status).toBe(4);
      expect(stderr).toBe("The answer could not be written (ENOSPC). `opencode-session-repair runs` lists changes.\n");
    }
  },
);

test("a database that cannot be read: no list says that there are no sessions", async () => {
  const store = join(folder, "unread");
  cpSync(damaged, store, { recursive: true });
  for (const suffix of ["-wal", "-shm"]) rmSync(join(store, `opencode.db${suffix}`), { force: true });
  writeFileSync(join(store, "opencode.db"), "no database at all, but as long as the header of one: ".repeat(3));
  const all = await runCli(["sessions", "--data-dir", store]);
  expect([all.code, all.stdout]).toEqual([1, expect.stringContaining("sessions may be missing from this list")]);
  expect(all.stdout).toContain("Next: opencode-session-repair check");
  const document = JSON.parse((await runCli(["sessions", "--json", "--data-dir", store])).stdout);
  expect(document).toMatchObject({ sessions: [], verdict: "unusable" });
  for (const [command, code] of [
    ["sessions", 1],
    ["show", 4],
  ] as const) {
    const answer = await runCli([command, "login", "page", "--data-dir", store]);
    expect([answer.code, answer.stderr]).toEqual([code, expect.stringContaining("The store cannot be read")]);
  }
});

test("a damaged page: each answer leads to the command that is the way out", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const connection = store.connect();
  connection.exec("pragma wal_checkpoint(truncate)");
  const page = Number(connection.all("select rootpage from sqlite_schema where name = 'message'")[0]?.rootpage);
  connection.close();
  const bytes = readFileSync(join(store.dataDir, "opencode.db"));
  writeFileSync(join(store.dataDir, "opencode.db"), bytes.fill(0, (page - 1) * 4096, page * 4096));
  for (const suffix of ["-wal", "-shm"]) rmSync(join(store.dataDir, `opencode.db${suffix}`), { force: true });
  for (const command of ["check", "repair"]) {
    const { code, stdout } = await runCli([command, "--data-dir", store.dataDir]);
    expect([code, stdout.trimEnd().split("\n").at(-1)]).toEqual([
      1,
      `Next: opencode-session-repair salvage --swap --data-dir ${store.dataDir}`,
    ]);
  }
  const shown = await runCli(["show", "ses_a", "--data-dir", store.dataDir]);
  expect([shown.code, shown.stderr]).toEqual([4, expect.stringContaining("The database cannot be read")]);
  // After `sessions` and `doctor`, the user must be told to run `check`, because sessions of this store do not load.
  for (const command of ["sessions", "doctor"]) {
    const { stdout } = await runCli([command, "--data-dir", store.dataDir]);
    expect(stdout).toContain("\nNext: opencode-session-repair check");
  }
  store.remove();
});

test("--json is JSON of every command; a rehearsal of purge deletes nothing, also with --yes", async () => {
  for (const words of [["--version"], ["help", "repair"], ["completion", "zsh"]]) {
    const { code, stdout } = await runCli([...words, "--json"]);
    expect([code, JSON.parse(stdout).tool.name]).toEqual([0, "opencode-session-repair"]);
  }
  const sound = await runCli(["salvage", "--json", "--data-dir", damaged]);
  expect([sound.code, JSON.parse(sound.stdout).error]).toEqual([0, undefined]);
  const store = join(folder, "purged");
  cpSync(damaged, store, { recursive: true });
  await runCli(["repair", "--yes", "--data-dir", store]);
  const rehearsed = await runCli(["purge", "--older-than", "0m", "-ny", "--json", "--data-dir", store]);
  expect([rehearsed.code, JSON.parse(rehearsed.stdout)]).toMatchObject([1, { purged: [], planned: [{}] }]);
  expect(JSON.parse((await runCli(["runs", "--json", "--data-dir", store])).stdout).runs).toHaveLength(1);
});
