import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { removeHomes } from "../host/home.ts";
import { startHost } from "../host/running-host.ts";
import { realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

const PAGE = 4096;

/** With a session its events leave too: what remains of both lies on free pages, and the indexes may be lost. */
test.each([
  ["no index", []],
  ["the index of sessions", ["sqlite_autoindex_session_1"]],
  [
    "the indexes of everything",
    ["sqlite_autoindex_session_1", "sqlite_autoindex_message_1", "sqlite_autoindex_part_1"],
  ],
] as const)("sessions that opencode 1.18.33 deleted stay deleted where %s is damaged", async (_, indexes) => {
  const store = await realStore("1.18.33");
  const database = join(store.dataDir, "opencode.db");
  const ids = (path: string, sql: string) => {
    const rows = new Database(path, { readonly: true });
    const found = (rows.query(sql).values() as string[][]).map(([id]) => String(id));
    rows.close();
    return found;
  };
  const deleted = ids(database, "select id from session where parent_id is null order by id limit 4");
  const host = await startHost({ home: store.home });
  for (const id of deleted) expect((await host.request("DELETE", `/session/${id}`)).status).toBe(200);
  await host.stop();
  const live = new Database(database);
  live.exec("pragma wal_checkpoint(truncate)");
  const roots = live.query("select name, rootpage from sqlite_master where type = 'index'").values() as [
    string,
    number,
  ][];
  live.close();
  const idsIn = (path: string) =>
    ["session", "message", "part"].map((table) => ids(path, `select id from ${table} order by id`));
  const before = idsIn(database);
  expect(before.flat().filter((id) => deleted.includes(id))).toEqual([]);
  const bytes = await readFile(database);
  for (const [name, root] of roots) {
    if ((indexes as readonly string[]).includes(name)) bytes.fill(0, (root - 1) * PAGE, root * PAGE);
  }
  await writeFile(database, bytes);
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = `${database}.salvaged`;
  await salvage({ files: nodeFileSystem, driver, source: database, target, dataDir: null });
  expect(idsIn(target)).toEqual(before);
});
