import { z } from "zod";
import type { CorrectedNumbers, TableChange } from "../../model/replacement.ts";
import type { Connection } from "./driver.ts";
import { quoted } from "./schema.ts";
import { tableDigest } from "./table-digest.ts";

const MAKES_A_TABLE = /^\s*CREATE TABLE\s/i;

const listing = z.strictObject({
  table: z.string().max(128),
  /** Digests of the table before and after the change. */
  before: z.string(),
  after: z.string(),
  /**
   * The statement that made the earlier table, if the repair replaces that table. `null` if there was no table, or if
   * the table is kept.
   */
  former: z.string().max(100_000).regex(MAKES_A_TABLE).nullable(),
  made: z.boolean(),
  added: z.array(z.number().int()).max(1000),
  corrected: z
    .strictObject({
      key: z.string().max(128),
      column: z.string().max(128),
      values: z.array(z.strictObject({ id: z.string(), from: z.number(), to: z.number() })).max(1000),
    })
    .optional(),
});

/**
 * The description of a change to a table, which a repair keeps in quarantine. It is enough to undo the change, unless
 * the table was changed again.
 */
export type TableListing = z.infer<typeof listing>;

/**
 * Parses the untrusted text that describes a change to a table; `null` if the text does not have the expected form.
 */
export function parseTableListing(text: string): TableListing | null {
  try {
    return listing.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** Makes a change to a table inside the caller's transaction; `null` if the table has changed since it was checked. */
export function changeTable(connection: Connection, change: TableChange): TableListing | null {
  const { table, statement, rows, corrected, before } = change;
  if (tableDigest(connection, table) !== before) return null;
  const former = statement === null ? null : statementOf(connection, table);
  if (statement !== null) {
    if (former !== null && hasRows(connection, table)) return null;
    if (former !== null) connection.run(`drop table ${quoted(table)}`);
    connection.run(statement);
  }
  const added: number[] = [];
  for (const row of rows) {
    const names = Object.keys(row);
    const places = names.map(() => "?").join(", ");
    connection.run(
      `insert into ${quoted(table)} (${names.map(quoted).join(", ")}) values (${places})`,
      ...Object.values(row),
    );
    added.push(Number(connection.all("select last_insert_rowid() as at")[0]?.at));
  }
  if (corrected !== undefined) setNumbers(connection, table, corrected, "to");
  const after = tableDigest(connection, table);
  const listed = { table, before, after, former, made: statement !== null, added };
  return corrected === undefined ? listed : { ...listed, corrected: { ...corrected, values: [...corrected.values] } };
}

/**
 * Undoes a change to a table inside the caller's transaction. If the table was changed again, nothing is undone, and
 * the result says so.
 */
export function undoTableChange(connection: Connection, listed: TableListing): string | null {
  const { table, before, after, former, made, added, corrected } = listed;
  const now = tableDigest(connection, table);
  if (now === before) return null;
  if (now !== after) return undoNumbers(connection, listed) ? null : "the table was changed later";
  if (made) {
    connection.run(`drop table ${quoted(table)}`);
    if (former !== null) connection.run(former);
  } else {
    for (const at of added) connection.run(`delete from ${quoted(table)} where rowid = ?`, at);
    if (corrected !== undefined) setNumbers(connection, table, corrected, "from");
  }
  if (tableDigest(connection, table) !== before) throw new Error("the undo did not restore the earlier table");
  return null;
}

/**
 * Undoes corrected numbers in a table whose other rows were changed later. Returns `false` if a corrected number was
 * changed again, or if the change did more than correct numbers.
 */
function undoNumbers(connection: Connection, { table, corrected, made, added }: TableListing): boolean {
  if (corrected === undefined || made || added.length > 0) return false;
  if (holdsNumbers(connection, table, corrected, "from")) return true;
  if (!holdsNumbers(connection, table, corrected, "to")) return false;
  setNumbers(connection, table, corrected, "from");
  return true;
}

function holdsNumbers(
  connection: Connection,
  table: string,
  { key, column, values }: CorrectedNumbers,
  which: "from" | "to",
): boolean {
  const sql = `select ${quoted(column)} as number from ${quoted(table)} where ${quoted(key)} = ?`;
  return values.every((value) => {
    const found = connection.all(sql, value.id);
    return found.length === 1 && Number(found[0]?.number) === value[which];
  });
}

function setNumbers(
  connection: Connection,
  table: string,
  { key, column, values }: CorrectedNumbers,
  which: "from" | "to",
): void {
  const sql = `update ${quoted(table)} set ${quoted(column)} = ? where ${quoted(key)} = ?`;
  for (const value of values) connection.run(sql, value[which], value.id);
}

/** Whether the table is as it was before the change, in the rows that the change concerned. */
export function isAsBefore(connection: Connection, { table, before, corrected, made, added }: TableListing): boolean {
  if (tableDigest(connection, table) === before) return true;
  const isOfNumbers = corrected !== undefined && !made && added.length === 0;
  return isOfNumbers && holdsNumbers(connection, table, corrected, "from");
}

function statementOf(connection: Connection, table: string): string | null {
  const [row] = connection.all("select sql from sqlite_master where type = 'table' and name = ?", table);
  return typeof row?.sql === "string" ? row.sql : null;
}

function hasRows(connection: Connection, table: string): boolean {
  return connection.all(`select 1 from ${quoted(table)} limit 1`).length > 0;
}
