import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { Placement } from "../../plugin/salvage/placement.ts";
import { tableShape } from "../../plugin/salvage/table-shape.ts";
import { loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import type { SqliteRecord } from "../../plugin/stores/sqlite/pages/record.ts";
import { removeHomes } from "../host/home.ts";
import { realStore } from "../host/stored-fixture.ts";

afterAll(removeHomes);

const ZEROS = new Uint8Array(30);

function record(first: string): SqliteRecord {
  return { letters: ["t", "t", "t", "i", "i", "t"], values: [Buffer.from(first), ZEROS, ZEROS, 0, 0, ZEROS] };
}

/** Half of the row's page and the pages that lead to it were overwritten. */
test("of a row of which only the id is left, and no tree leads to it, the id tells the table", async () => {
  const { dataDir } = await realStore("1.14.41");
  const driver = await loadDriver();
  if (driver === null) throw new Error("This runtime has no SQLite.");
  const connection = driver.open(join(dataDir, "opencode.db"), "read");
  const names = connection.all("select name from sqlite_master where type = 'table'").map(({ name }) => String(name));
  const placement = new Placement(names.map((name) => tableShape(connection, name)));
  connection.close();
  expect(placement.tableOf(record("prt_214cccd8d001xTkv4dSR9Fv003"), null)?.name).toBe("part");
  expect(placement.tableOf(record("nothing that opencode writes"), null)).toBeNull();
});
