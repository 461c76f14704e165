import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { GONE, loseFolders } from "../stores/gone-folders.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { canDropPrivileges, runCli } from "./cli-process.ts";
import { askCli } from "./cli-service.ts";

function damagedFiles() {
  const store = createJsonStore(sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  return store;
}

test("after a repair that failed nobody is told that `repair` would do it", async () => {
  const store = damagedFiles();
  writeFileSync(join(store.dataDir, "quarantine"), "not a folder");
  const failed = await askCli(["repair", "--yes", "--data-dir", store.dataDir]);
  expect(failed.code).toBe(3);
  expect(failed.stdout).not.toContain("would quarantine");
  expect(failed.stdout).toContain("1 record could not be repaired now.");
  expect(failed.stderr).toContain("is not a folder");
  const checked = await askCli(["check", "--data-dir", store.dataDir]);
  expect(checked.stdout).toContain('but "quarantine" in the data directory is not a folder.');
  rmSync(join(store.dataDir, "quarantine"));
  expect((await askCli(["check", "--data-dir", store.dataDir])).stdout).toContain("every step can be undone.");
  store.remove();
});

test.if(canDropPrivileges())("who may not write is not told that `repair` would do it", async () => {
  const store = damagedFiles();
  spawnSync("chmod", ["-R", "a+rX", dirname(store.dataDir)]);
  const { code, stdout } = await runCli(["check", "--data-dir", store.dataDir], { unprivileged: true });
  expect(code).toBe(1);
  expect(stdout).toContain("but you cannot write to the data directory.");
  store.remove();
});

test("what `repair` is said to do is what it does: a cut text is closed where it breaks off", async () => {
  const store = await createSqliteStore("1.2.27", sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from('{"type":"text","text":"The beg'));
  const { stdout } = await askCli(["check", "--data-dir", store.dataDir]);
  expect(stdout).toContain("would close 1 record.");
  const repaired = await askCli(["repair", "--yes", "--data-dir", store.dataDir]);
  expect(repaired.stdout).toContain("1 record closed.");
  store.remove();
});

test("of a database that a newer opencode wrote, `repair` is said to do what it does: only what no parser reads", async () => {
  const store = await newerStore("");
  const { stdout } = await askCli(["check", "--data-dir", store.dataDir]);
  expect(stdout).toContain("[schema-newer:");
  expect(stdout).toContain("`repair` would quarantine 1 record.");
  expect((await askCli(["repair", "--yes", "--data-dir", store.dataDir])).stdout).toContain("1 record quarantined.");
  store.remove();
});

test("where its tables do not prove that it is safe, `repair` is not said to change anything", async () => {
  const store = await newerStore("create trigger of_the_future after delete on part begin select 1; end");
  const { stdout } = await askCli(["check", "--data-dir", store.dataDir]);
  expect(stdout).toContain("[schema-newer:");
  expect(stdout).not.toContain("would quarantine");
  expect(stdout).toContain("`repair` cannot fix this.");
  expect((await askCli(["repair", "--yes", "--data-dir", store.dataDir])).code).toBe(3);
  store.remove();
});

async function newerStore(change: string) {
  const store = await createSqliteStore("1.18.33", sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  const connection = store.connect();
  connection.exec("insert into migration (id, time_completed) values ('20991231235959_of_the_future', 1)");
  if (change !== "") connection.exec(change);
  connection.close();
  return store;
}

test("what is advised for a folder that is gone is a command that does something", async () => {
  const rows = await createSqliteStore("1.18.33", sampleContent());
  loseFolders(rows);
  const advised = (await askCli(["check", "--data-dir", rows.dataDir])).stdout;
  expect(advised).toMatch(/folder-missing: .*`opencode-session-repair rescue --data-dir [^`]+` .* names the command/);
  const named = (await askCli(["rescue", "--data-dir", rows.dataDir])).stdout;
  const [, command = ""] = named.match(/opencode-session-repair (rescue --relink .*ses_a --to FOLDER)/) ?? [];
  const words = command.replace("FOLDER", rows.dataDir).split(" ");
  const plan = JSON.parse((await askCli([...words, "--dry-run", "--json", "--data-dir", rows.dataDir])).stdout);
  expect(plan.changes).toContainEqual({
    table: "session",
    id: "ses_a",
    column: "directory",
    from: `${GONE}/ses_a`,
    to: rows.dataDir,
  });
  rows.remove();
  // `rescue` writes only into databases, not into JSON files.
  const files = createJsonStore(sampleContent());
  loseFolders(files);
  const advice = JSON.parse((await askCli(["check", "--json", "--data-dir", files.dataDir])).stdout).advice;
  expect(advice["folder-missing"]).toStartWith("The sessions are complete.");
  expect(advice["folder-missing"]).not.toContain("rescue");
  files.remove();
});

test("what is said to be run next names the data directory that this call was given", async () => {
  const store = damagedFiles();
  const { stdout } = await askCli(["repair", "--yes", "--data-dir", store.dataDir]);
  const [, command = ""] = /^To undo: opencode-session-repair (.*)$/m.exec(stdout) ?? [];
  expect((await askCli([...command.split(" "), "--yes"])).stdout).toContain("Undone: 1 record restored.");
  store.remove();
});

test("no swap is advised of a new database that `--swap` refuses to put in its place", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const database = join(store.dataDir, "opencode.db");
  const bytes = readFileSync(database);
  // Only the rows of sessions, messages and parts stay. The schema and the journal of migrations are overwritten.
  for (let at = 0; at < bytes.length; at += 4096) {
    const text = bytes.toString("latin1", at, at + 4096);
    if (at === 0 || /CREATE |\d{14}_[a-z]/.test(text)) bytes.fill(0, at, at + 4096);
  }
  writeFileSync(database, bytes);
  const built = await askCli(["salvage", "--yes", "--data-dir", store.dataDir]);
  expect(built.stdout).toContain("The new database is here; the database that opencode uses is unchanged:");
  expect((await askCli(["salvage", "--swap", "--yes", "--data-dir", store.dataDir])).code).toBe(3);
  expect(built.stdout).not.toContain("To put the new database in its place");
  expect(built.stdout).toContain("OPENCODE_DB");
  store.remove();
});

test("a locked database is not said to be loaded by opencode, and no damage is said either", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const holder = store.connect();
  holder.exec("pragma locking_mode = exclusive; begin exclusive; update session set title = title; commit");
  for (const command of [["check"], ["repair", "--yes"]]) {
    const { stdout } = await askCli([...command, "--data-dir", store.dataDir]);
    expect(stdout).toContain("The database cannot be opened at the moment");
    expect(stdout).not.toContain("opencode loads these");
    expect(stdout).not.toContain("can load everything here");
    expect(stdout).toContain("No damage was found in the records.");
  }
  holder.close();
  expect((await askCli(["check", "--data-dir", store.dataDir])).stdout).toContain("can load everything here");
  store.remove();
});
