import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { removeHomes } from "./home.ts";
import { hostVerdict } from "./load-path.ts";
import { runHost, startHost } from "./running-host.ts";
import { realStore } from "./stored-fixture.ts";

afterAll(removeHomes);

function change(dataDir: string, sql: string): void {
  const database = new Database(join(dataDir, "opencode.db"));
  database.exec(sql);
  database.close();
}

/** In both cases, opencode cannot start the plugin. So only the command line can help. */
test("a malformed message stops the upgrade from 1.14.41; after one command 1.18.33 starts and upgrades", async () => {
  const store = await realStore("1.14.41");
  change(
    store.dataDir,
    "update message set data = substr(data, 1, 30) where id = (select min(id) from message where data like '%assistant%')",
  );
  const newer = { home: store.home, version: "1.18.33" } as const;
  const before = await runHost({ ...newer, args: ["session", "list"] });
  expect(before.code).toBe(1);
  expect(before.stderr + before.stdout).toContain("json_extract");
  const checked = JSON.parse((await runCli(["check", "--json", "--data-dir", store.dataDir])).stdout);
  expect(checked.findings.map(({ code }: { code: string }) => code)).toContain("migration-failing");
  const repaired = await runCli(["repair", "--yes", "--data-dir", store.dataDir]);
  expect(repaired.code).toBe(0);
  const host = await startHost(newer);
  try {
    expect((await hostVerdict(host, store.sessionIDs)).healthy).toBe(true);
  } finally {
    await host.stop();
  }
});

test("a project row that cannot be read keeps 1.18.33 from its sessions; after one command it opens them", async () => {
  const store = await realStore("1.18.33");
  change(store.dataDir, "update project set sandboxes = '[\"/tmp' where worktree <> '/'");
  const host = await startHost({ home: store.home });
  try {
    expect((await host.get("/session")).status).toBe(500);
    const repaired = await runCli(["repair", "--yes", "--data-dir", store.dataDir]);
    expect(repaired.code).toBe(0);
    // opencode could not start to work in the project. It tries again at the next request.
    expect((await hostVerdict(host, store.sessionIDs)).healthy).toBe(true);
  } finally {
    await host.stop();
  }
});
