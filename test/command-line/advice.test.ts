import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { GONE, loseFolders } from "../stores/gone-folders.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import { canDropPrivileges, runCli } from "./cli-process.ts";

function damagedFiles() {
  const store = createJsonStore(sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  return store;
}

test("after a repair that failed nobody is told that `repair` would do it", async () => {
  const store = damagedFiles();
  writeFileSync(join(store.dataDir, "quarantine"), "not a folder");
  const failed = await runCli(["repair", "--yes", "--data-dir", store.dataDir]);
  expect(failed.code).toBe(3);
  expect(failed.stdout).not.toContain("would set");
  expect(failed.stdout).toContain("1 record could not be repaired now.");
  expect(failed.stderr).toContain("is not a folder");
  const checked = await runCli(["check", "--data-dir", store.dataDir]);
  expect(checked.stdout).toContain('but "quarantine" in the data directory is not a folder.');
  rmSync(join(store.dataDir, "quarantine"));
  expect((await runCli(["check", "--data-dir", store.dataDir])).stdout).toContain("every step can be undone.");
  store.remove();
});

test.if(canDropPrivileges())("who may not write is not told that `repair` would do it", async () => {
  const store = damagedFiles();
  spawnSync("chmod", ["-R", "a+rX", dirname(store.dataDir)]);
  const { code, stdout } = await runCli(["check", "--data-dir", store.dataDir], { unprivileged: true });
  expect(code).toBe(1);
  expect(stdout).toContain("but you may not write to the data directory.");
  store.remove();
});

test("of a database that a newer opencode wrote, `repair` is not said to change anything", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  const connection = store.connect();
  connection.exec("insert into migration (id, time_completed) values ('20991231235959_of_the_future', 1)");
  connection.close();
  const { stdout } = await runCli(["check", "--data-dir", store.dataDir]);
  expect(stdout).toContain("[schema-newer:");
  expect(stdout).not.toContain("would set");
  expect(stdout).toContain("`opencode-session-repair repair` cannot fix this.");
  expect((await runCli(["repair", "--yes", "--data-dir", store.dataDir])).code).toBe(3);
  store.remove();
});

test("what is advised for a folder that is gone is a command that does something", async () => {
  const rows = await createSqliteStore("1.18.33", sampleContent());
  loseFolders(rows);
  const advised = (await runCli(["check", "--data-dir", rows.dataDir])).stdout;
  const [, command = ""] = /folder-missing: .*`opencode-session-repair (rescue [^`]*)`/.exec(advised) ?? [];
  const words = command.replace("OLD", GONE).replace("NEW", "/work/moved").split(" ");
  const plan = JSON.parse((await runCli([...words, "--dry-run", "--json", "--data-dir", rows.dataDir])).stdout);
  expect(plan.changes).toContainEqual({
    table: "session",
    id: "ses_a",
    column: "directory",
    from: `${GONE}/ses_a`,
    to: "/work/moved/ses_a",
  });
  rows.remove();
  // `rescue` writes into databases only.
  const files = createJsonStore(sampleContent());
  loseFolders(files);
  const advice = JSON.parse((await runCli(["check", "--json", "--data-dir", files.dataDir])).stdout).advice;
  expect(advice["folder-missing"]).toStartWith("The sessions are whole.");
  expect(advice["folder-missing"]).not.toContain("rescue");
  files.remove();
});
