import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { removeHomes } from "../host/home.ts";
import { realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

/** In SQLite's row header, a text and a blob of the same length differ in one bit. For a blob, opencode answers 500. */
test("a text that a flipped bit made a blob is a text again", async () => {
  const { dataDir } = await realStore("1.2.27");
  const source = join(dataDir, "opencode.db");
  const damaged = new Database(source);
  damaged.exec("update part set data = cast(data as blob); pragma wal_checkpoint(truncate)");
  const whole = damaged.query("select id, cast(data as text) as data from part order by id").all();
  damaged.close();
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = join(dataDir, "salvaged.db");
  await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
  const salvaged = new Database(target, { readonly: true });
  expect(whole.length).toBeGreaterThan(0);
  expect(salvaged.query("select id, data from part order by id").all()).toEqual(whole);
  salvaged.close();
});

/** 1.17 and 1.18 do not load a session if one message or part has an id with another prefix. */
test("an id whose beginning a flipped bit changed begins as before, and its children stay with it", async () => {
  const { dataDir } = await realStore("1.18.33");
  const source = join(dataDir, "opencode.db");
  const damaged = new Database(source);
  damaged.exec("pragma foreign_keys = off; delete from event; delete from event_sequence");
  const tables = ["session", "message", "part"] as const;
  const all = (database: Database) => tables.map((table) => database.query(`select * from ${table} order by id`).all());
  const whole = all(damaged);
  const flip = (table: string, column: string, from: string, to: string) => {
    const one = `rowid = (select max(rowid) from ${table} where "${column}" like '${from}%')`;
    return damaged.run(`update ${table} set "${column}" = '${to}' || substr("${column}", 4) where ${one}`).changes;
  };
  const flips = [
    flip("session", "id", "ses", "qes"),
    flip("message", "id", "msg", "isg"),
    flip("message", "session_id", "ses", "wes"),
    flip("part", "id", "prt", "psu"),
    flip("part", "message_id", "msg", "mcg"),
    flip("part", "session_id", "ses", "seS"),
  ];
  expect(flips).toEqual([1, 1, 1, 1, 1, 1]);
  // Another program wrote this id. opencode 1.2 to 1.14 accept it.
  damaged.exec("update part set id = 'foreign_1' where rowid = (select min(rowid) from part)");
  damaged.exec("pragma wal_checkpoint(truncate)");
  damaged.close();
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const target = join(dataDir, "salvaged.db");
  const report = await salvage({ files: nodeFileSystem, driver, source, target, dataDir: null });
  expect(report).toMatchObject({ isSound: true, foreignKeyViolations: 0, rebuilt: { sessions: 0, messages: 0 } });
  const salvaged = new Database(target, { readonly: true });
  const [sessions, messages, parts] = all(salvaged) as { id: string }[][];
  expect<unknown[]>([sessions, messages]).toEqual(whole.slice(0, 2));
  expect(parts?.filter(({ id }) => !id.startsWith("prt_")).map(({ id }) => id)).toEqual(["foreign_1"]);
  expect(parts?.length).toBe(whole[2]?.length ?? 0);
  salvaged.close();
});
