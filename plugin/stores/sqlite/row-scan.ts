import { type Artifact, LARGEST_LOADED_BYTES, LONG_BYTES, type RowValues } from "../../model/artifact.ts";
import type { Counts, ScanOptions, Scope, Share, Visit } from "../store.ts";
import { readBundles } from "./bundles.ts";
import type { Cell } from "./cell-pieces.ts";
import { byteLength, type Connection, type SqlRow, type SqlValue } from "./driver.ts";
import { rowValuesReader, selectRowValuesOf } from "./row-values.ts";
import { jsonColumnsOf, quoted, type Schema, TABLES, type TableShape } from "./schema.ts";
import { nextStart } from "./sqlite-error.ts";

/** The number of rows of one step. After each step, other work can run and the abort signal is checked. */
const ROWS_AT_ONCE = 128;

/**
 * The largest value that is read together with others. A larger value is loaded only when it is visited, and released
 * afterwards.
 */
const LARGEST_READ_TOGETHER_BYTES = 256 * 1024;

/**
 * The SQL that selects the row id. Row ids have 64 bits: an id is selected as a number only if a JavaScript number can
 * hold it exactly, and otherwise as text.
 */
const ROW_ID = `case when rowid between ${Number.MIN_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER} then rowid
  else cast(rowid as text) end as at`;

const WHOLE: Share = { index: 0, of: 1 };

/** How a scan handles the values that it reads. */
export interface RowReading {
  readonly visit: Visit;
  readonly counts: Counts;
  /** Whether opencode certainly reads the same text as this runtime. `bytes` is the size of the stored value. */
  readonly isExact: (text: string, bytes: number) => boolean;
  /**
   * Reads a value of this many bytes in pieces and returns the brief text that stands for it; `null` if the value must be
   * read as a whole. Absent inside opencode, which reads every value as a whole.
   */
  readonly readLong?: (cell: Cell, bytes: number) => string | null;
}

export interface Restriction {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** Visits the rows of one database, to check them. */
export class RowScan {
  readonly #connection: Connection;
  readonly #schema: Schema;

  constructor(connection: Connection, schema: Schema) {
    this.#connection = connection;
    this.#schema = schema;
  }

  /**
   * Visits the rows of a scope (everything, a session, a list or single rows) in steps. Each step is a statement of its
   * own, so that no read transaction lasts long.
   */
  *steps(scope: Scope, reading: RowReading, isHealthy?: ScanOptions["isHealthy"]): Iterable<void> {
    switch (scope.what) {
      case "everything":
        for (const table of Object.values(TABLES)) {
          const share = scope.share ?? WHOLE;
          const isBundled = isHealthy !== undefined && !table.hasRowValues;
          if (isBundled) yield* this.#visitDocuments(table, share, reading, isHealthy);
          else if (share.index === 0) yield* this.#visitTable(table, null, reading);
        }
        return;
      case "list":
        yield* this.#visitTable(TABLES.project, restriction("id", scope.projectID), reading);
        yield* this.#visitTable(TABLES.session, newestFirst(restriction("project_id", scope.projectID)), reading);
        return;
      case "rows":
        for (const table of Object.values(TABLES)) {
          if (!this.#schema.tables.has(table.name)) continue;
          for (const rows of this.#rowsAt(table, scope.rowIDs)) {
            this.#visitRows(table, rows, reading);
            yield;
          }
        }
        return;
      case "session": {
        const messages = messagesOf(scope);
        yield* this.#visitTable(TABLES.session, restriction("id", scope.sessionID), reading);
        yield* this.#visitTable(TABLES.message, { ...messages, sql: `id in (${messages.sql})` }, reading);
        yield* this.#visitTable(TABLES.todo, restriction("session_id", scope.sessionID), reading);
        yield* this.#visitTable(TABLES.part, { ...messages, sql: `message_id in (${messages.sql})` }, reading);
      }
    }
  }

  /**
   * Visits the messages or parts that this thread of a check has to read. Rows are judged in groups; the rows of a
   * group that is not certainly healthy are visited one by one.
   */
  *#visitDocuments(
    table: TableShape,
    share: Share,
    reading: RowReading,
    isHealthy: NonNullable<ScanOptions["isHealthy"]>,
  ): Iterable<void> {
    const { first, last } = this.#rowIDs(table.name, share);
    const read = this.#rowsBetween(table);
    const kind = table.name === "message" ? "message" : "part";
    for (const step of readBundles(this.#connection, kind, first, last)) {
      if (step.bundle !== null && isHealthy(step.bundle)) {
        count(table, step.rows, reading.counts);
        reading.counts.bytes += step.bytes;
      } else {
        this.#visitRows(table, this.#connection.all(read, step.after, step.until), reading);
      }
      yield;
    }
  }

  *#visitTable(table: TableShape, condition: Restriction | null, reading: RowReading): Iterable<void> {
    if (!this.#schema.tables.has(table.name)) return;
    const steps = condition === null ? this.#wholeTable(table) : this.#selectedRows(table, condition);
    for (const rows of steps) {
      this.#visitRows(table, rows, reading);
      yield;
    }
  }

  #visitRows(table: TableShape, rows: readonly SqlRow[], reading: RowReading): void {
    count(table, rows.length, reading.counts);
    const columns = jsonColumnsOf(this.#schema, table);
    const cellOf: CellOf = (row, index) => this.#cellOf(table, columns[index] ?? "data", row, index, reading);
    if (table.hasRowValues) {
      const valuesOf = rowValuesReader(this.#schema, table);
      for (const row of rows) visitRow(table, columns, row, valuesOf(row), cellOf, reading);
    } else {
      for (const row of rows) visitDocument(table, row, cellOf, reading);
    }
  }

  /**
   * The text of a JSON column of a row. A long text is replaced by a brief text. `null` if the value must be checked by
   * its bytes.
   */
  #cellOf(table: TableShape, column: string, row: SqlRow, index: number, reading: RowReading): string | null {
    const { isExact, readLong } = reading;
    const bytes = Number(row[`n${index}`]);
    const exact = (value: SqlValue | undefined) => (typeof value === "string" && isExact(value, bytes) ? value : null);
    if (bytes <= LARGEST_READ_TOGETHER_BYTES) return exact(row[`v${index}`]);
    if (bytes > LARGEST_LOADED_BYTES) return null;
    const from = `from ${quoted(table.name)} where rowid = cast(? as integer)`;
    const at = String(row.at);
    const cell: Cell = { connection: this.#connection, column: quoted(column), from, values: [at] };
    const brief = bytes > LONG_BYTES ? readLong?.(cell, bytes) : null;
    return brief ?? exact(this.#connection.all(`select ${quoted(column)} as value ${from}`, at)[0]?.value);
  }

  /** The SQL that selects all columns that a visit of a table's rows needs. */
  #select(table: TableShape): string {
    const selected = [
      ROW_ID,
      ...table.key.map((name, index) => `${quoted(name)} as k${index}`),
      `${table.session === null ? "null" : quoted(table.session)} as session`,
      ...jsonColumnsOf(this.#schema, table).map((name, index) => selectValue(quoted(name), index)),
      ...selectRowValuesOf(this.#schema, table),
    ];
    return `select ${selected.join(", ")} from ${quoted(table.name)}`;
  }

  #rowsBetween(table: TableShape): string {
    return `${this.#select(table)} where rowid > cast(? as integer) and rowid <= cast(? as integer) order by rowid`;
  }

  *#wholeTable(table: TableShape): Iterable<SqlRow[]> {
    const { first, last } = this.#rowIDs(table.name, WHOLE);
    const sql = `${this.#rowsBetween(table)} limit ${ROWS_AT_ONCE}`;
    for (let after = first; ; ) {
      const rows = this.#connection.all(sql, after, last);
      yield rows;
      const at = rows.at(-1)?.at;
      if (at === undefined || rows.length < ROWS_AT_ONCE) return;
      after = nextStart(table.name, after, String(at));
    }
  }

  /**
   * The range of row ids that one thread of a check reads in a table: greater than `first`, up to and including `last`.
   */
  #rowIDs(table: string, { index, of }: Share): { readonly first: string; readonly last: string } {
    // The smallest and the largest row id are asked for in two subqueries. In one query for both, SQLite would read the
    // whole table.
    const ends = this.#connection.all(
      `select cast((select min(rowid) from ${quoted(table)}) as text) as first,
         cast((select max(rowid) from ${quoted(table)}) as text) as last`,
    )[0];
    if (typeof ends?.first !== "string" || typeof ends.last !== "string") return { first: "0", last: "0" };
    const [before, last] = [BigInt(ends.first) - 1n, BigInt(ends.last)];
    const upTo = (share: number) => before + ((last - before) * BigInt(share)) / BigInt(of);
    return { first: String(upTo(index)), last: String(upTo(index + 1)) };
  }

  /**
   * Reads the rows that fulfil a condition. Their row ids are read from an index first, because paging by row id would
   * read the whole table for one session.
   */
  *#selectedRows(table: TableShape, condition: Restriction): Iterable<SqlRow[]> {
    const rowIDs = this.#connection
      .all(`select cast(rowid as text) as at from ${quoted(table.name)} where ${condition.sql}`, ...condition.values)
      .map((row) => String(row.at));
    yield* this.#rowsAt(table, rowIDs);
  }

  *#rowsAt(table: TableShape, rowIDs: readonly string[]): Iterable<SqlRow[]> {
    const sql = `${this.#select(table)} where rowid in (select value from json_each(?))`;
    for (let start = 0; start < rowIDs.length; start += ROWS_AT_ONCE) {
      yield this.#connection.all(sql, `[${rowIDs.slice(start, start + ROWS_AT_ONCE).join(",")}]`);
    }
  }
}

/** The SQL that selects the ids of a session's messages: all, or only the newest. */
export function messagesOf(scope: Scope & { what: "session" }): Restriction {
  const all = "select id from message where session_id = ?";
  if (scope.newestMessages === undefined) return { sql: all, values: [scope.sessionID] };
  return {
    sql: `${all} order by time_created desc, id desc limit ?`,
    values: [scope.sessionID, scope.newestMessages],
  };
}

export function restriction(column: string, value: string | null): Restriction | null {
  return value === null ? null : { sql: `${quoted(column)} = ?`, values: [value] };
}

/**
 * Adds the order to a condition: the newest rows first, as opencode lists them. Sorting by row id costs nothing if an
 * index is used.
 */
function newestFirst(condition: Restriction | null): Restriction | null {
  return condition === null ? null : { ...condition, sql: `${condition.sql} order by rowid desc` };
}

function selectValue(column: string, index: number): string {
  return `${byteLength(column)} as n${index},
    case when ${byteLength(column)} <= ${LARGEST_READ_TOGETHER_BYTES} then ${column} end as v${index}`;
}

/** Returns the text of a row's JSON column by the column's position. */
type CellOf = (row: SqlRow, index: number) => string | null;

function count(table: TableShape, rows: number, counts: Counts): void {
  if (table.name === "session") counts.sessions += rows;
  else if (table.name === "message") counts.messages += rows;
  else if (table.name === "part") counts.parts += rows;
}

/** Visits a message or part, whose row has only ids and one document. Most rows are like this. */
function visitDocument(table: TableShape, row: SqlRow, cellOf: CellOf, reading: RowReading): void {
  if (row.n0 === null) return;
  const id = String(row.k0);
  const artifact: Artifact = {
    kind: table.name,
    sessionID: row.session === null ? null : String(row.session),
    recordID: id,
    locator: { table: table.name, key: { id } },
  };
  reading.counts.bytes += Number(row.n0);
  reading.visit(artifact, cellOf(row, 0), null);
}

function visitRow(
  table: TableShape,
  columns: readonly string[],
  row: SqlRow,
  values: RowValues | null,
  cellOf: CellOf,
  reading: RowReading,
): void {
  const key = Object.fromEntries(table.key.map((name, index) => [name, String(row[`k${index}`])]));
  const artifact: Artifact = {
    kind: table.name,
    sessionID: row.session === null ? null : String(row.session),
    recordID: String(row.k0),
    locator: { table: table.name, key },
  };
  if (values !== null) reading.visit(artifact, null, values);
  columns.forEach((column, index) => {
    const bytes = row[`n${index}`];
    if (bytes === null) return;
    reading.counts.bytes += Number(bytes);
    reading.visit({ ...artifact, locator: { table: table.name, key, column } }, cellOf(row, index), values);
  });
}

/**
 * Whether a text that the runtime returned certainly equals the stored value. Runtimes change some texts: Bun and Node
 * 24 turn bytes that are not UTF-8 into U+FFFD, and Node 22 stops at the first NUL. Other texts are checked by their
 * bytes.
 */
export function isExact(text: string, bytes: number): boolean {
  return !text.includes("\uFFFD") && (text.length === bytes || Buffer.byteLength(text) === bytes);
}
