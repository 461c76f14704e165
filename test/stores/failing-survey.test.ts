/**
 * Every record of this database can be read, but the check of the database as a whole fails. So the database is not
 * healthy.
 */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toolFor } from "../host/tool.ts";
import { sampleContent, sessionContent } from "./content.ts";
import { createSqliteStore } from "./sqlite-fixture.ts";

const SESSIONS = { ...sampleContent(), sessions: [sessionContent("a", "prj_one", 2, 1)] };

/** The page number of the first child of a table's root page, and the size of a page. */
function firstChild(path: string, root: number): { page: number; bytes: number } {
  const file = readFileSync(path);
  const bytes = file.readUInt16BE(16);
  const at = (root - 1) * bytes;
  const cell = file.readUInt16BE(at + 12);
  return { page: file.readUInt32BE(at + cell), bytes };
}

test("a damaged page of event_sequence is an error, even if the counter of a session is behind too", async () => {
  const store = await createSqliteStore("1.18.33", SESSIONS);
  try {
    const path = join(store.dataDir, "opencode.db");
    const database = new Database(path);
    database.run("pragma foreign_keys = off");
    for (let each = 0; each < 6; each += 1)
      database.run("insert into event(id, aggregate_id, seq, type, data) values(?, 'ses_a', ?, 'x.1', '{}')", [
        `evt_${each}`,
        each,
      ]);
    database.run("delete from event_sequence");
    const fill = database.query("insert into event_sequence(aggregate_id, seq) values(?, 0)");
    for (let each = 0; each < 4000; each += 1) fill.run(`ses_${String(each).padStart(20, "0")}`);
    database.run("insert into event_sequence(aggregate_id, seq) values('ses_a', 1)");
    database.run("pragma wal_checkpoint(truncate)");
    const { root } = database
      .query("select rootpage as root from sqlite_master where name = 'event_sequence'")
      .get() as {
      root: number;
    };
    database.close();
    const { page, bytes } = firstChild(path, root);
    writeFileSync(path, readFileSync(path).fill(0, (page - 1) * bytes, page * bytes));
    const { verdict, findings } = await (await toolFor(store.dataDir)).check();
    expect(verdict).toBe("damaged");
    expect(findings.map(({ code }) => code)).toContain("database-malformed");
  } finally {
    store.remove();
  }
});
