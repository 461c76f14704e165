import { expect, test } from "bun:test";
import { type Connection, loadDriver } from "../../plugin/stores/sqlite/driver.ts";
import { isExact, RowScan } from "../../plugin/stores/sqlite/row-scan.ts";
import { readSchema } from "../../plugin/stores/sqlite/schema.ts";
import { noCounts, type Scope } from "../../plugin/stores/store.ts";
import { sampleContent } from "./content.ts";
import { createSqliteStore } from "./sqlite-fixture.ts";

const GIANT_CHARACTERS = 300_000;
const GIANTS = 6;

test.each<[string, Scope]>([
  ["a session", { what: "session", sessionID: "ses_a" }],
  ["everything", { what: "everything" }],
])("of the giant parts of %s no two are in memory at once, and each is read whole", async (_name, scope) => {
  const store = await createSqliteStore("1.18.33", sampleContent());
  const writing = store.connect();
  const texts = Array.from({ length: GIANTS }, (_, index) => JSON.stringify(`${index}ß`.repeat(GIANT_CHARACTERS / 2)));
  for (const [index, text] of texts.entries()) {
    writing.run("insert into part values (?, 'msg_a1', 'ses_a', 1, 1, ?)", `prt_giant${index}`, text);
  }
  writing.close();
  const connection = (await loadDriver())?.open(store.database, "read");
  if (connection === undefined) throw new Error("there is no SQLite");
  try {
    let mostGiants = 0;
    const watched: Connection = {
      ...connection,
      all(sql, ...values) {
        const rows = connection.all(sql, ...values);
        const giants = rows.flatMap((row) => Object.values(row).filter((value) => String(value).length > 256 * 1024));
        mostGiants = Math.max(mostGiants, giants.length);
        return rows;
      },
    };
    const seen = new Map<string | null, string | null>();
    const visit = ({ recordID }: { readonly recordID: string | null }, text: string | null) => {
      seen.set(recordID, text);
    };
    const scan = new RowScan(watched, readSchema(connection));
    for (const _step of scan.steps(scope, { visit, counts: noCounts(), isExact }));
    for (const [index, text] of texts.entries()) expect(seen.get(`prt_giant${index}`) === text).toBe(true);
    expect(mostGiants).toBe(1);
  } finally {
    connection.close();
    store.remove();
  }
});
