import { afterAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openStores } from "../../plugin/stores/open.ts";
import { byteLength, loadDriver, noteSQLiteVersion } from "../../plugin/stores/sqlite/driver.ts";
import { soleUse } from "../../plugin/stores/sqlite/sole-use.ts";
import { damagedRealStore, damagedSqliteStore } from "../crash/damaged-stores.ts";
import { SQLITE_HOSTS } from "../host/binary.ts";
import { realStore } from "../host/stored-fixture.ts";
import { blockingIn, checkAndRepair, findingsIn, restoreEverything } from "../repair/tool.ts";
import { OLD_VERSION, whyNoOldSQLite, withOldSQLite } from "./old-sqlite-driver.ts";

afterAll(() => noteSQLiteVersion("3.53.0"));

test("the length of a value in bytes is asked as each SQLite can tell it", () => {
  for (const [version, sql] of [
    ["3.37.0", "length(cast(data as blob))"],
    ["3.42.0", "length(cast(data as blob))"],
    ["3.43.0", "octet_length(data)"],
    ["3.53.4", "octet_length(data)"],
    ["4.0.0", "octet_length(data)"],
  ] as const) {
    noteSQLiteVersion(version);
    expect([version, byteLength("data")]).toEqual([version, sql]);
  }
});

/** Functions, joins and operators that SQLite added after 3.37 (sqlite.org/changes.html). */
const NEWER = [
  ...["unixepoch", "octet_length", "timediff", "concat", "concat_ws", "string_agg", "unhex", "subsec"],
  ...["json_error_position", "json_pretty", "jsonb", "jsonb_extract", "median", "percentile", "unistr", "iif_null"],
].map((name) => new RegExp(`(?<![.\\w]|function )${name}\\(`));
const NEWER_SYNTAX = [
  /\b(select|,|=|where|and)\s+format\(/i,
  /->>?\s*['?]/,
  /group_concat\([^)]*\border by\b/i,
  /\b(right|full)\s+(outer\s+)?join\b/i,
  /\bis\s+(not\s+)?distinct\s+from\b/i,
];

test("no statement needs an SQLite that is newer than 3.37", async () => {
  const root = join(import.meta.dirname, "..", "..");
  const found: string[] = [];
  for await (const path of new Glob("plugin/**/*.ts").scan(root)) {
    if (path.endsWith("sqlite/driver.ts")) continue;
    const text = (await readFile(join(root, path), "utf8")).replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, "");
    for (const rule of [...NEWER, ...NEWER_SYNTAX, /octet_length\(/]) {
      const match = rule.exec(text);
      if (match !== null) found.push(`${path}: ${match[0]}`);
    }
  }
  expect(found).toEqual([]);
});

test.each(SQLITE_HOSTS)("a store of %s is read the same without octet_length", async (version) => {
  const store = await realStore(version);
  try {
    const read = async (sqlite: string) => {
      const found = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
      if (!found.ok) throw new Error("there is no store");
      const [opened] = await openStores(nodeFileSystem, found.located, "outside");
      // Opening a store loads the driver, which notes the version of SQLite. So the test notes another version only
      // now.
      noteSQLiteVersion(sqlite);
      if (opened?.state !== "ok") throw new Error("the store does not open");
      try {
        const said: unknown[] = [];
        for (const id of store.sessionIDs)
          for await (const message of opened.store.conversations.messages(id)) said.push(message);
        return said;
      } finally {
        opened.store.close();
      }
    };
    const now = await read("3.53.0");
    expect(now.length).toBeGreaterThan(0);
    expect(await read("3.37.0")).toEqual(now);
  } finally {
    await store.home.remove();
  }
});

const noOldSQLite = whyNoOldSQLite();
if (noOldSQLite !== null) process.stderr.write(`test/stores/old-sqlite.test.ts: ${noOldSQLite}.\n`);

describe.skipIf(noOldSQLite !== null)(`with SQLite ${OLD_VERSION}, and WAL files that stay as on macOS`, () => {
  test.each(SQLITE_HOSTS)("a healthy store of %s has no finding", async (version) => {
    const store = await realStore(version);
    try {
      expect(await withOldSQLite(() => findingsIn(store.dataDir))).toEqual([]);
    } finally {
      await store.home.remove();
    }
  });

  test.each([
    ["rows that 1.18.33 fails on", damagedSqliteStore],
    ["a database that 1.18.33 wrote", damagedRealStore],
  ] as const)("%s are found, repaired and undone as with the newest", async (_what, create) => {
    const store = await create();
    try {
      const before = store.image();
      const wanted = await blockingIn(store.dataDir);
      expect(wanted.length).toBeGreaterThan(0);
      await withOldSQLite(async () => {
        expect(await blockingIn(store.dataDir)).toEqual(wanted);
        const { stopped } = await checkAndRepair(store.dataDir);
        expect(stopped).toBeNull();
        expect(await blockingIn(store.dataDir)).toEqual([]);
      });
      expect(await blockingIn(store.dataDir)).toEqual([]);
      await withOldSQLite(() => restoreEverything(nodeFileSystem, store.dataDir));
      expect(store.image()).toEqual(before);
    } finally {
      store.remove();
    }
  });

  test("a database is locked alone, and not beside another connection", async () => {
    const store = await damagedRealStore();
    try {
      const found = await locate(nodeFileSystem, { env: {}, dataDir: store.dataDir });
      const database = found.ok ? (found.located.databases[0] ?? "") : "";
      await withOldSQLite(async () => {
        await (await soleUse(nodeFileSystem, database)).release();
        const other = (await loadDriver())?.open(database, "write");
        other?.all("select 1 from session limit 1");
        await expect(soleUse(nodeFileSystem, database)).rejects.toThrow("open in");
        other?.close();
      });
    } finally {
      store.remove();
    }
  });
});
