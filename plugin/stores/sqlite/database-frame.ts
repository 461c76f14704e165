import { JOURNALS } from "../../hosts/store-line.ts";
import type { DatabaseFrame, JournalState } from "../survey.ts";
import type { Connection } from "./driver.ts";
import { quoted, type Schema } from "./schema.ts";
import { tableDigest } from "./table-digest.ts";

/**
 * opencode 1.18.34 records 38 migrations. A table with more rows than this limit is not the journal of migrations of a
 * known version.
 */
const MOST_ROWS = 200;

/** Reads the tables, indexes and journals of migrations of a database. */
export function readFrame(connection: Connection, { tables }: Schema): DatabaseFrame {
  const made = connection.all("select type, name, tbl_name as owner from sqlite_master where sql is not null");
  const named = (type: string) => made.filter((each) => each.type === type);
  const indexes = new Set(named("index").map(({ name }) => String(name)));
  const bound = new Set([...named("index"), ...named("trigger")].map(({ owner }) => String(owner)));
  const journals = new Map<string, JournalState>();
  const emptyTables = new Map<string, string>();
  for (const [table, columns] of tables) {
    const rows = connection.all(`select 1 from ${quoted(table)} limit ${MOST_ROWS + 1}`).length;
    const journal = JOURNALS.find(({ name }) => name === table);
    if (journal !== undefined && rows <= MOST_ROWS) {
      const key = journal.keys.find((name) => columns.includes(name));
      journals.set(table, {
        columns,
        keys: key === undefined ? [] : keysOf(connection, table, key),
        digest: tableDigest(connection, table),
      });
    } else if (rows === 0 && !bound.has(table)) emptyTables.set(table, tableDigest(connection, table));
  }
  return { layout: { tables, indexes }, journals, emptyTables };
}

function keysOf(connection: Connection, table: string, key: string): string[] {
  const column = quoted(key);
  return connection
    .all(`select cast(${column} as text) as key from ${quoted(table)} where ${column} is not null`)
    .map((row) => String(row.key));
}
