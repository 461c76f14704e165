import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { type SalvageReport, salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { type ManySessions, manySessions } from "./many-sessions.ts";

let folder: string;
let whole: ManySessions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "salvage-sources-"));
  whole = await manySessions("1.14.41", 5, join(folder, "whole"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function salvaged(
  source: string,
  dataDir: string | null = null,
): Promise<{ report: SalvageReport; rows: Database }> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = `${source}.salvaged`;
  const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir });
  return { report, rows: new Database(target, { readonly: true }) };
}

async function copy(change: (rows: Database) => void): Promise<string> {
  const path = join(await mkdtemp(join(folder, "copy-")), "opencode.db");
  await copyFile(whole.database, path);
  const rows = new Database(path);
  rows.exec("pragma journal_mode = delete; pragma foreign_keys = on");
  change(rows);
  rows.close();
  return path;
}

/** Overwrites every page that `isWiped` accepts, and returns their number. */
async function wipe(path: string, isWiped: (page: Buffer) => boolean): Promise<number> {
  const bytes = await readFile(path);
  let wiped = 0;
  for (let start = 4096; start < bytes.length; start += 4096) {
    if (!isWiped(bytes.subarray(start, start + 4096))) continue;
    bytes.fill(0, start, start + 4096);
    wiped += 1;
  }
  await writeFile(path, bytes);
  return wiped;
}

test("a session that was deleted does not come back from the pages it left behind", async () => {
  const deleted = whole.sessionIDs.slice(0, 20);
  const path = await copy((rows) => {
    for (const id of deleted) rows.query("delete from session where id = ?").run(id);
  });
  const { rows, report } = await salvaged(path);
  const ids = (rows.query("select id from session").values() as string[][]).flat();
  expect(ids.length).toBe(whole.sessionIDs.length - deleted.length);
  expect(ids.filter((id) => deleted.includes(id))).toEqual([]);
  for (const table of ["message", "part"]) {
    const sql = `select count(*) as n from ${table} where session_id not in (select id from session)`;
    expect(rows.query(sql).get()).toEqual({ n: 0 });
  }
  expect(report.rebuilt).toEqual({ projects: 0, sessions: 0, messages: 0 });
  rows.close();
});

test("what the pages lost comes back from the files of opencode 1.0-1.1, and nothing else does", async () => {
  let lost = { id: "", message_id: "", session_id: "", data: "" };
  const path = await copy((rows) => {
    lost = rows.query("select * from part where length(data) > 9000 order by id limit 1").get() as typeof lost;
  });
  const dataDir = join(dirname(path), "data");
  const file = (id: string) => join(dataDir, "storage", "part", lost.message_id, `${id}.json`);
  await mkdir(dirname(file(lost.id)), { recursive: true });
  const { id, message_id: messageID, session_id: sessionID } = lost;
  await writeFile(file(id), JSON.stringify({ id, messageID, sessionID, ...JSON.parse(lost.data) }));
  await writeFile(
    file("prt_deleted"),
    JSON.stringify({ id: "prt_deleted", messageID, sessionID, type: "text", text: "x" }),
  );
  // This is the leaf page on which the row begins.
  expect(await wipe(path, (page) => page[0] === 13 && page.includes(`${id}${messageID}`))).toBe(1);
  const { rows, report } = await salvaged(path, dataDir);
  expect(report.fromFiles.parts).toBe(1);
  const found = rows.query("select data from part where id = ?").get(id) as { data: string };
  expect(JSON.parse(found.data)).toEqual(JSON.parse(lost.data));
  expect(rows.query("select 1 from part where id = 'prt_deleted'").all()).toEqual([]);
  rows.close();
});

test("what is nowhere is counted for its session", async () => {
  const path = await copy(() => undefined);
  const { rows: before } = await salvaged(path);
  const total = (before.query("select count(*) as n from part").get() as { n: number }).n;
  before.close();
  await rm(`${path}.salvaged`);
  let first = true;
  await wipe(path, (page) => {
    const isWiped = first && page[0] === 13 && page.includes("prt_");
    if (isWiped) first = false;
    return isWiped;
  });
  const { rows, report } = await salvaged(path);
  const left = (rows.query("select count(*) as n from part").get() as { n: number }).n;
  expect(left).toBeLessThan(total);
  expect(report.sessions.reduce((sum, session) => sum + session.lostParts, 0)).toBe(total - left);
  rows.close();
});

test("a WAL of which the database is gone", async () => {
  const path = join(await mkdtemp(join(folder, "wal-")), "opencode.db");
  await copyFile(whole.wal, `${path}-wal`);
  const { rows, report } = await salvaged(path);
  expect(report.isSound).toBe(true);
  expect((rows.query("select count(*) as n from session").get() as { n: number }).n).toBeGreaterThan(10);
  rows.close();
});

test("rows keep their storage classes, their bytes and their rowids", async () => {
  const path = await copy((rows) => {
    const bytes = Buffer.from(`{"type":"text","text":"${"x".repeat(80)}\xff"}`, "latin1");
    rows.query("update part set data = cast(? as text), time_created = ? where rowid = 7").run(bytes, 2n ** 60n);
    rows.exec(`update session set title = '', time_archived = 1.5 where rowid = 3;
      update todo set priority = x'00ff', content = 'a' || char(0) || 'b' where rowid = (select min(rowid) from todo);
      delete from part where rowid = 5; update part set rowid = 90000 where rowid = 6`);
  });
  const { rows } = await salvaged(path);
  rows.query("attach ? as source").run(path);
  const tables = (
    rows.query("select name from source.sqlite_master where type = 'table'").values() as string[][]
  ).flat();
  for (const table of tables) {
    const columns = (rows.query(`pragma table_info("${table}")`).all() as { name: string }[]).map(({ name }) => name);
    const exact = columns.map((name) => `typeof("${name}") || hex(cast("${name}" as blob))`).join(" || ',' || ");
    const image = (schema: string) =>
      rows.query(`select rowid, ${exact} from ${schema}."${table}" order by 1`).values();
    expect([table, image("main")]).toEqual([table, image("source")]);
  }
  rows.close();
});

/** Makes a log without its database. Only the writes since the last checkpoint are left. */
async function loneLog(...written: readonly string[]): Promise<string> {
  const path = join(await mkdtemp(join(folder, "log-")), "opencode.db");
  await copyFile(whole.database, `${path}.whole`);
  const rows = new Database(`${path}.whole`);
  rows.exec("pragma journal_mode = wal; pragma wal_autocheckpoint = 0; pragma wal_checkpoint(truncate)");
  for (const statement of written) rows.run(statement);
  await copyFile(`${path}.whole-wal`, `${path}-wal`);
  rows.close();
  return path;
}

test("which opencode wrote a log without a session, a table or a migration cannot be told, and that is said", async () => {
  const { rows, report } = await salvaged(await loneLog("update message set data = data || ' '"));
  expect(report.rows.message).toBeGreaterThan(0);
  expect([report.isSchemaTold, report.schemaOf]).toEqual([false, ["1.2.27", "1.3.0", "1.3.2"]]);
  rows.close();
});

test("the migrations in such a log tell it", async () => {
  const written = [
    "update message set data = data || ' '",
    "update __drizzle_migrations set applied_at = applied_at || ' '",
  ];
  const { rows, report } = await salvaged(await loneLog(...written));
  expect([report.isSchemaTold, report.schemaOf]).toEqual([true, ["1.14.41"]]);
  rows.close();
});
