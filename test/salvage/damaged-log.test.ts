import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { removeHomes } from "../host/home.ts";
import { startHost } from "../host/running-host.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

const FRAME = 4120;

/** Overwrites a frame in the middle of the log's current frames, which have the salts of the log's header. */
function damageLog(store: RealStore): void {
  const path = join(store.dataDir, "opencode.db-wal");
  const log = readFileSync(path);
  const at = (frame: number) => 32 + frame * FRAME;
  let own = 0;
  while (at(own + 1) <= log.length && log.subarray(at(own) + 8, at(own) + 16).equals(log.subarray(16, 24))) own += 1;
  writeFileSync(path, log.fill(0, at(own >> 1) + 24, at(own >> 1) + 600));
}

function bytesOf(store: RealStore): Buffer[] {
  return ["opencode.db", "opencode.db-wal"].map((name) => readFileSync(join(store.dataDir, name)));
}

async function run(store: RealStore, ...args: string[]) {
  const { code, stdout, stderr } = await askCli([...args, "--json", "--data-dir", store.dataDir]);
  return { code, stderr, ...(stdout === "" ? {} : JSON.parse(stdout)) };
}

/** With such a log, SQLite shows fewer sessions. As soon as a process writes, SQLite discards the rest of the log. */
test("a damaged log of 1.18.33 is an error, nothing writes beside it, and its salvage shows every session", async () => {
  const store = await realStore("1.18.33");
  damageLog(store);
  const before = bytesOf(store);
  const found = await run(store, "check");
  expect(found).toMatchObject({ code: 1, verdict: "damaged" });
  expect(found.checked.sessions).toBeLessThan(store.sessionIDs.length);
  for (const args of [
    ["repair", "--only", "unfinished-turn"],
    ["rescue", "--unarchive"],
  ]) {
    await run(store, ...args, "--yes");
    expect(bytesOf(store)).toEqual(before);
  }
  const refused = await run(store, "repair", "--only", "unfinished-turn", "--yes");
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain("salvage --swap");

  const rescue = await askCli(["rescue", "--data-dir", store.dataDir]);
  expect(rescue.stdout).toContain("1 store could not be read, so more sessions may be there:");
  expect(rescue.stdout).not.toContain("Nothing is hidden");

  const { runID } = await run(store, "salvage", "--swap", "--yes");
  const host = await startHost({ home: store.home });
  const { status, body } = await host.get("/session");
  await host.stop();
  expect([status, (body as unknown[]).length]).toEqual([200, store.sessionIDs.length]);
  await run(store, "restore", runID, "--yes");
  expect(bytesOf(store)).toEqual(before);
});

/** If opencode continues a damaged log, some values behind its new transaction are older. */
test("of a log that was continued after the damage, the advice says that some values are older", async () => {
  const store = await realStore("1.18.33");
  const path = join(store.dataDir, "opencode.db");
  damageLog(store);
  const { id } = store.sessions.plain;
  const opened = new Database(path);
  opened.run("pragma wal_autocheckpoint = 0");
  const shown = (opened.query("select id from session").all() as { id: string }[]).map((row) => row.id);
  opened.run("update session set title = 'After the damage' where id = ?", [shown[0] ?? id]);
  const kept = ["", "-wal"].map((end) => readFileSync(`${path}${end}`));
  opened.close();
  rmSync(`${path}-shm`, { force: true });
  ["", "-wal"].forEach((end, at) => void writeFileSync(`${path}${end}`, kept[at] ?? ""));
  const { code, verdict, findings } = await run(store, "check");
  const found = findings.filter((finding: { code: string }) => finding.code === "wal-damaged");
  expect(found).toMatchObject([{ severity: "blocking", advice: expect.stringContaining("older") }]);
  expect([code, verdict]).toEqual([1, "damaged"]);
  const before = bytesOf(store);
  const refused = await run(store, "repair", "--only", "unfinished-turn", "--yes");
  expect(refused.code).not.toBe(0);
  expect(bytesOf(store)).toEqual(before);
});
