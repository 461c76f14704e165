import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { mapPages } from "../../plugin/salvage/page-map.ts";
import { type SalvageReport, salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { openPageImage } from "../../plugin/stores/sqlite/pages/page-image.ts";
import { readPayload } from "../../plugin/stores/sqlite/pages/payload.ts";
import { NO_FILE, openRandomAccess } from "../../plugin/stores/sqlite/pages/random-access.ts";
import { unreadLog } from "../../plugin/stores/sqlite/pages/write-ahead-log.ts";
import { removeHomes } from "../host/home.ts";
import { realStore } from "../host/stored-fixture.ts";
import { sampleContent } from "../stores/content.ts";
import { scratchFolder } from "../stores/scratch.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

afterAll(removeHomes);

async function salvaged(source: string): Promise<{ report: SalvageReport; rows: Database }> {
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = `${source}.salvaged`;
  const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
  return { report, rows: new Database(target, { readonly: true }) };
}

function parts(database: Database): unknown[] {
  return database.query("select * from part order by id").all();
}

/** Before the fix, the salvage stopped with "table part has no column named time_created", and saved nothing. */
test("a bit that flipped in the name of a column costs nothing", async () => {
  const { dataDir } = await realStore("1.18.33");
  const source = join(dataDir, "opencode.db");
  const database = new Database(source);
  database.exec("pragma wal_checkpoint(truncate)");
  const whole = parts(database);
  database.close();
  const bytes = readFileSync(source);
  const at = bytes.indexOf("time_created", bytes.indexOf("CREATE TABLE `part`"));
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(source, bytes);
  const { rows } = await salvaged(source);
  expect(whole.length).toBeGreaterThan(0);
  expect(parts(rows)).toEqual(whole);
  rows.close();
});

/** Before the fix, the salvage looked for four billion pages. */
test("a log whose first bytes are noise is read, and nothing far behind it is looked for", async () => {
  const { dataDir } = await realStore("1.18.33");
  const source = join(dataDir, "opencode.db");
  const log = readFileSync(`${source}-wal`);
  // This overwrites the header of the log. It also overwrites the page number and the database size in the first frame.
  writeFileSync(`${source}-wal`, log.fill(0xff, 0, 40));
  const { report, rows } = await salvaged(source);
  expect(report.pages).toBeLessThan(10_000);
  expect(parts(rows).length).toBeGreaterThan(0);
  rows.close();
});

/** Before the fix, the salvage lost the rows of that page and did not say so (found on 1.2.15). */
test("a page of parts to which the first page of the schema leads costs nothing", async () => {
  const { dataDir } = await realStore("1.2.27");
  const source = join(dataDir, "opencode.db");
  const database = new Database(source);
  database.exec("pragma wal_checkpoint(truncate)");
  const whole = parts(database);
  const root = (database.query("select rootpage from sqlite_schema where name = 'part'").values() as [[number]])[0][0];
  database.close();
  const bytes = readFileSync(source);
  // Page 1 gets the table's last leaf page as its own last child. Byte 108 holds the number of that child.
  const leaf = bytes.readUInt32BE((root - 1) * 4096 + 8);
  expect([bytes[100], bytes[(root - 1) * 4096], bytes[(leaf - 1) * 4096]]).toEqual([5, 5, 13]);
  bytes.writeUInt32BE(leaf, 108);
  writeFileSync(source, bytes);
  const { rows } = await salvaged(source);
  expect(parts(rows)).toEqual(whole);
  rows.close();
});

/** Before the fix, the salvage stopped with "no such table: part". */
test("a table that the schema calls an index is made all the same", async () => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const connection = store.connect();
  const whole = connection.all("select * from part order by id").length;
  connection.exec("pragma wal_checkpoint(truncate)");
  connection.close();
  const bytes = readFileSync(store.database);
  bytes.write("index", bytes.indexOf("tablepartpart"));
  writeFileSync(store.database, bytes);
  const { rows } = await salvaged(store.database);
  expect(parts(rows).length).toBe(whole);
  rows.close();
  store.remove();
});

/** SQLite ignores everything behind such a frame without an error. Before the fix, so did the check. */
test("what was committed behind a frame of zeros is told of", async () => {
  const { dataDir } = await realStore("1.18.33");
  const source = join(dataDir, "opencode.db");
  const log = readFileSync(`${source}-wal`);
  const frame = 24 + log.readUInt32BE(8);
  expect(unreadLog(source)).toBeNull();
  writeFileSync(`${source}-wal`, log.fill(0, 32 + 3 * frame, 32 + 4 * frame));
  expect(unreadLog(source)?.words).toMatch(/^\d+ pages behind a damaged one$/);
});

/** Before the fix, the salvage stopped with a syntax error in its own SQL. */
test("a session's row of which no value is left keeps nothing else from being saved", async () => {
  const store = await createSqliteStore("1.2.27", sampleContent());
  const connection = store.connect();
  const whole = connection.all("select * from part order by id");
  const columns = connection.all("pragma table_info(session)").map(({ name, type }) => {
    const value = /int/i.test(String(type)) ? (/^time_(created|updated)$/.test(String(name)) ? "-1" : "null") : "noise";
    return `"${name}" = ${value === "noise" ? "cast(x'ff' as text)" : value}`;
  });
  connection.exec(`pragma foreign_keys = off; update session set ${columns.join(", ")} where id = 'ses_a'`);
  connection.close();
  const { rows } = await salvaged(store.database);
  expect(parts(rows).length).toBe(whole.length);
  rows.close();
  store.remove();
});

test("a value whose chain of pages lost its beginning is not taken for whole", () => {
  const image = openPageImage(NO_FILE, null);
  const local = Buffer.from("the beginning");
  expect(readPayload(image, { size: 6000, local, overflow: 0 })).toEqual({ bytes: local, isWhole: false, chain: [] });
  expect(readPayload(image, { size: local.length, local, overflow: 0 }).isWhole).toBe(true);
});

/** The schema also names the indexes. Without the indexes, deleted rows would count as lost. */
test("a damaged row of the schema costs itself alone", () => {
  const scratch = scratchFolder();
  const path = join(scratch.path, "schema.db");
  const database = new Database(path);
  database.exec("create table first (a); create table second (b); create index third on second (b)");
  database.close();
  const bytes = readFileSync(path);
  bytes.write("tAble", bytes.indexOf("tablefirst"));
  writeFileSync(path, bytes);
  const file = openRandomAccess(path);
  const { schema } = mapPages(openPageImage(file, null), () => undefined);
  expect(schema.map(({ name }) => name)).toEqual(["second", "third"]);
  file.close();
  scratch.remove();
});
