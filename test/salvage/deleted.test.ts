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

type Damage = (bytes: Buffer, rootOf: (index: string) => number) => void;

function zeroRoots(...indexes: readonly string[]): Damage {
  return (bytes, rootOf) => {
    for (const root of indexes.map(rootOf)) bytes.fill(0, (root - 1) * PAGE, root * PAGE);
  };
}

/** Makes the file look as if it once had two more pages. One of them was unused. */
function cutOff(bytes: Buffer): void {
  const list = bytes.subarray((bytes.readUInt32BE(32) - 1) * PAGE);
  const named = list.readUInt32BE(4);
  list.writeUInt32BE(named + 1, 4);
  list.writeUInt32BE(bytes.length / PAGE + 1, 8 + 4 * named);
  bytes.writeUInt32BE(bytes.readUInt32BE(36) + 1, 36);
  bytes.writeUInt32BE(bytes.length / PAGE + 2, 28);
}

/**
 * If opencode deletes a session, its events are deleted too. Their remains are on free pages, and the indexes that show
 * the deletion may be damaged.
 */
const CASES: readonly (readonly [string, Damage])[] = [
  ["no index", zeroRoots()],
  ["the index of sessions", zeroRoots("sqlite_autoindex_session_1")],
  [
    "the indexes of everything",
    zeroRoots("sqlite_autoindex_session_1", "sqlite_autoindex_message_1", "sqlite_autoindex_part_1"),
  ],
  ["a byte of the header", (bytes) => bytes.fill(0xf1, 11, 12)],
  ["the header", (bytes) => bytes.fill(0, 0, 100)],
  ["the list of free pages in the header", (bytes) => bytes.fill(0, 32, 40)],
  ["page 1", (bytes) => bytes.fill(0, 0, PAGE)],
  ["the end of the file, where unused pages were,", cutOff],
];

test.each(CASES)("sessions that opencode 1.18.33 deleted stay deleted where %s is damaged", async (_, damage) => {
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
  const rootOf = (name: string) =>
    Number((live.query("select rootpage from sqlite_master where name = ?").values(name) as number[][])[0]?.[0]);
  const bytes = await readFile(database);
  damage(bytes, rootOf);
  live.close();
  const idsIn = (path: string) =>
    ["session", "message", "part", "event"].map((table) => ids(path, `select id from ${table} order by id`));
  const before = idsIn(database);
  expect(before.flat().filter((id) => deleted.includes(id))).toEqual([]);
  await writeFile(database, bytes);
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = `${database}.salvaged`;
  await salvage({ files: nodeFileSystem, driver, source: database, target, dataDir: null });
  expect(idsIn(target)).toEqual(before);
});
