import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { removeHomes } from "../../host/home.ts";
import { realStore } from "../../host/stored-fixture.ts";
import { toolFor } from "../../host/tool.ts";
import { IS_WHOLE } from "../../process/whole.ts";
import { runRecovery } from "./recovery-experiment.ts";

afterAll(removeHomes);

/**
 * The test has a fixed seed and a small count. `npm run test:recover -- --host V --seed N --count N` is its long form.
 */
const SEED = 7607;

/** Both versions have the same log and require the same form of records, so one of them is enough for `npm test`. */
const VERSIONS = IS_WHOLE ? (["1.17.18", "1.18.33"] as const) : (["1.18.33"] as const);

for (const version of VERSIONS) {
  test(`opencode ${version} answers as before the damage once its record is recovered`, async () => {
    const { others } = await runRecovery({ version, seed: SEED, count: 40 });
    expect(others).toEqual([]);
  });
}

test("what opencode logged goes before a record within a text", async () => {
  const store = await realStore("1.18.33");
  const database = new Database(join(store.dataDir, "opencode.db"));
  const dataOf = database.query<{ data: string }, [string]>("select data from part where id = ?");
  const [part, other] = database
    .query<{ id: string; data: string }, []>("select id, data from part where json_extract(data, '$.type') = 'text'")
    .all();
  if (part === undefined || other === undefined) throw new Error("The store has too few texts.");
  database.run("update part set data = ? where id = ?", [JSON.stringify(other.data), part.id]);
  const { items } = await (await toolFor(store.dataDir)).repair();
  expect(items.map(({ action, recordID }) => ({ action, recordID }))).toEqual([
    { action: "recovered", recordID: part.id },
  ]);
  expect(dataOf.get(part.id)?.data).toBe(part.data);
  database.close();
});
