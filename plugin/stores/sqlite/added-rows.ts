import { z } from "zod";
import type { CellValue, RowValues } from "../../model/artifact.ts";
import type { NewRow } from "../../model/replacement.ts";
import { NOT_DONE } from "../../words/refusals.ts";
import type { Connection } from "./driver.ts";
import { type CapturedRow, captureRow, deleteRow, insertRow, rowHash } from "./row.ts";
import { quoted, type Schema } from "./schema.ts";

/** The tables to which the rows of an added session may belong. Parents come before their children. */
const TABLES = ["project", "session", "message", "part", "todo", "session_share"] as const;

/**
 * Columns that may change without the session being used: opencode itself moves a session to another project when the
 * id of the project changes.
 */
const NOT_COMPARED: readonly string[] = ["project_id", "path"];

const addedRow = z.strictObject({
  table: z.enum(TABLES),
  key: z.union([
    z.strictObject({ id: z.string() }),
    z.strictObject({ session_id: z.string(), position: z.string() }),
    z.strictObject({ session_id: z.string() }),
  ]),
  columns: z.array(z.string().max(128)).max(100),
  /** The hash of the names, storage classes and bytes of these columns. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const listing = z.strictObject({ rows: z.array(addedRow) });

type AddedRow = z.infer<typeof addedRow>;

/**
 * The list of rows that a rescue or repair added to a database. It is kept in quarantine, and is enough to tell whether
 * the rows in the database are still the added ones.
 */
export type AddedRowList = z.infer<typeof listing>;

/** Parses the untrusted text that lists added rows; `null` if the text does not have the expected form. */
export function parseListing(text: string): AddedRowList | null {
  try {
    return listing.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** The rows with the columns of this database. Values for columns that this database does not have are left out. */
export function rowsFor(schema: Schema, rows: readonly NewRow[]): CapturedRow[] {
  return rows.map(({ table, values }) => {
    const columns = schema.tables.get(table) ?? [];
    const cells = columns.flatMap((name) => {
      const value = values[name];
      return value === undefined ? [] : [[name, cellOf(table, name, value)] as const];
    });
    return { table, rowID: null, cells: new Map(cells) };
  });
}

function cellOf(table: string, column: string, value: RowValues[string]): CellValue {
  if (value === null) return { storage: "null" };
  if (typeof value === "string") return { storage: "text", bytes: Buffer.from(value, "utf8") };
  if (typeof value !== "number") return { storage: "blob", bytes: value };
  // `session.cost` is the only REAL column of these tables. SQLite turns whole numbers in such a column into reals.
  const isReal = (table === "session" && column === "cost") || !Number.isInteger(value);
  return { storage: isReal ? "real" : "integer", number: String(value) };
}

export function listingOf(rows: readonly NewRow[], captured: readonly CapturedRow[]): AddedRowList {
  return listing.parse({
    rows: captured.map((row, index) => {
      const columns = [...row.cells.keys()].filter((name) => !NOT_COMPARED.includes(name));
      return { table: row.table, key: rows[index]?.key, columns, sha256: hashOf(row, columns) };
    }),
  });
}

function hashOf(row: CapturedRow, columns: readonly string[]): string {
  return rowHash({ ...row, cells: new Map([...row.cells].filter(([name]) => columns.includes(name))) });
}

/**
 * Adds rows inside the caller's transaction. If another record already has one of the ids, no row is added, and the
 * result says so.
 */
export function addRows(connection: Connection, listed: AddedRowList, rows: readonly CapturedRow[]): string | null {
  for (const { table, key } of listed.rows) {
    if (table !== "project" && exists(connection, table, key)) return "another record has the same id";
  }
  rows.forEach((row, index) => {
    const key = listed.rows[index]?.key;
    // If another session of the same project was added before, the row of the project exists already.
    if (row.table === "project" && key !== undefined && exists(connection, row.table, key)) return;
    insertRow(connection, row);
  });
  return null;
}

function exists(connection: Connection, table: string, key: AddedRow["key"]): boolean {
  return captureRow(connection, table, Object.keys(key), key) !== null;
}

/**
 * Whether the added session exists. All its rows were added in one transaction, so this shows whether the addition was
 * done.
 */
export function isAdded(connection: Connection, listed: AddedRowList): boolean {
  const session = listed.rows.find(({ table }) => table === "session");
  return session !== undefined && exists(connection, session.table, session.key);
}

/**
 * Removes exactly the added rows, inside the caller's transaction. If one of them was changed, or if the session has
 * more rows now, no row is removed and the result says why. A project that other sessions use is not removed.
 */
export function removeRows(connection: Connection, schema: Schema, listed: AddedRowList): string | null {
  const own = listed.rows.filter(({ table }) => table !== "project");
  if (!own.every((row) => isUnchanged(connection, schema, row))) return NOT_DONE.changedSinceAdded;
  const session = own.find(({ table }) => table === "session");
  if (session === undefined || !("id" in session.key)) return "the list of added rows has no session";
  if (hasMore(connection, schema, session.key.id, own)) return "the session was continued after it was added";
  for (const { table, key } of [...own].reverse()) deleteRow(connection, table, key);
  for (const row of listed.rows) {
    if (row.table === "project" && isUnchanged(connection, schema, row) && !isInUse(connection, row)) {
      deleteRow(connection, row.table, row.key);
    }
  }
  return null;
}

function isUnchanged(connection: Connection, schema: Schema, { table, key, columns, sha256 }: AddedRow): boolean {
  const known = schema.tables.get(table) ?? [];
  if (!columns.every((name) => known.includes(name))) return false;
  const live = captureRow(connection, table, columns, key);
  return live !== null && rowHash(live) === sha256;
}

/** Whether the session has more rows in any table than were added. */
function hasMore(connection: Connection, schema: Schema, sessionID: string, own: readonly AddedRow[]): boolean {
  for (const [table, columns] of schema.tables) {
    if (!columns.includes("session_id")) continue;
    const sql = `select count(*) as rows from ${quoted(table)} where session_id = ?`;
    const rows = Number(connection.all(sql, sessionID)[0]?.rows);
    if (rows > own.filter((row) => row.table === table).length) return true;
  }
  return false;
}

function isInUse(connection: Connection, { key }: AddedRow): boolean {
  if (!("id" in key)) return true;
  return connection.all("select 1 from session where project_id = ? limit 1", key.id).length > 0;
}
