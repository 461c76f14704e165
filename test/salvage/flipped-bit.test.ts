import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/files/file-system.ts";
import { salvage } from "../../plugin/salvage/salvage.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { removeHomes } from "../host/home.ts";
import { realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

/** In a record's header text and blob of one length differ in one bit; opencode answers 500 for the blob. */
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
