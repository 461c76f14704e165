import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lacks } from "../process/lacks.ts";
import { sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { upgradeToTwoX } from "../stores/two-x-database.ts";
import { runCli } from "./cli-process.ts";
import { startInTerminal } from "./command-terminal.ts";

let folder: string;

/**
 * Makes an upgraded database in which the tables of 2.x lack the session `ses_c`. Beside it are old JSON files with the
 * sessions `ses_old` and `ses_older`.
 */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-rescue-answers-"));
  const rows = await createSqliteStore("1.18.33", sampleContent());
  upgradeToTwoX(rows.database);
  const connection = rows.connect();
  connection.exec("pragma foreign_keys = on; delete from session_v2 where id = 'ses_c'");
  connection.close();
  const sessions = [sessionContent("old", "prj_old", 1, 1), sessionContent("older", "prj_old", 1, 1)];
  const old = createJsonStore({ projects: ["prj_old"], sessions });
  cpSync(join(old.dataDir, "storage"), join(rows.dataDir, "storage"), { recursive: true });
  cpSync(rows.dataDir, join(folder, "upgraded"), { recursive: true, preserveTimestamps: true });
  for (const store of [rows, old]) store.remove();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function copy(name: string): string {
  cpSync(join(folder, "upgraded"), join(folder, name), { recursive: true, preserveTimestamps: true });
  return join(folder, name);
}

test("what 2.x lacks is also named after sessions were brought in, and the status stays 1", async () => {
  const dataDir = copy("brought-in");
  const { stdout, code } = await runCli(["rescue", "--import", "--yes", "--json", "--data-dir", dataDir]);
  const { sessions, missingIn2x } = JSON.parse(stdout);
  expect(sessions.map(({ sessionID }: { sessionID: string }) => sessionID).sort()).toEqual(["ses_old", "ses_older"]);
  const ids = missingIn2x.map(({ sessionID }: { sessionID: string }) => sessionID);
  expect(ids).toContain("ses_c");
  // The import writes only the tables of 1.x, so the tables of 2.x lack the imported sessions too.
  expect(ids).toContain("ses_old");
  expect(code).toBe(1);
});

test.skipIf(lacks("tmux")).each(["y", "n"])(
  "in a terminal, what 2.x lacks is also named after the answer %s",
  async (key) => {
    const dataDir = copy(`answer-${key}`);
    const command = [process.execPath, require.resolve("../../plugin/cli.ts"), "rescue", "--data-dir", dataDir];
    const terminal = startInTerminal(command, { HOME: folder, PATH: "/usr/bin:/bin" });
    try {
      await terminal.waitFor("[y/N]");
      terminal.press(key, "Enter");
      expect(await terminal.status()).toBe(1);
      expect(terminal.everything(false)).toMatch(/ses_c {2}[\s\S]*To bring these sessions into opencode 2:/);
    } finally {
      terminal.close();
    }
  },
);

test("rescue takes the beginning of an id, also of a session that only another store has", async () => {
  const dataDir = join(folder, "upgraded");
  const run = async (...args: string[]) => runCli(["rescue", ...args, "--json", "--data-dir", dataDir]);
  const hidden = async (word: string) =>
    JSON.parse((await run("--session", word, "--dry-run")).stdout).hidden.map(
      ({ sessionID }: { sessionID: string }) => sessionID,
    );
  expect(await hidden("ses_olde")).toEqual(["ses_older"]);
  // `ses_old` is a whole id and also the beginning of `ses_older`. It names only the session `ses_old`.
  expect(await hidden("ses_old")).toEqual(["ses_old"]);
  const ambiguous = await run("--session", "ses_ol", "--yes");
  expect(ambiguous.code).toBe(2);
  expect(ambiguous.stderr).toContain('2 sessions begin with "ses_ol": ');
  expect(ambiguous.stderr).toContain("sessions ses_ol");
});

test("rescue --export writes nothing if one of its files exists already", async () => {
  const target = join(folder, "exported");
  mkdirSync(target);
  writeFileSync(join(target, "ses_older.json"), "mine");
  const { code, stderr } = await runCli(["rescue", "--export", target, "--data-dir", join(folder, "upgraded")]);
  expect([code, stderr]).toEqual([3, expect.stringContaining(join(target, "ses_older.json"))]);
  expect(readdirSync(target)).toEqual(["ses_older.json"]);
  expect(readFileSync(join(target, "ses_older.json"), "utf8")).toBe("mine");
});

test("check --for 2.x takes the beginning of an id", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  try {
    const { code } = await runCli(["check", "--for", "2.x", "--session", "ses", "--data-dir", store.dataDir]);
    expect(code).toBe(2);
    const { stdout } = await runCli(["check", "--for", "2.x", "ses_c", "--json", "--data-dir", store.dataDir]);
    expect(JSON.parse(stdout).checked.sessions).toBe(1);
  } finally {
    store.remove();
  }
});
