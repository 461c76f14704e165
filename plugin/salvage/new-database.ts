import type { Connection, SqlValue } from "../stores/sqlite/driver.ts";
import type { SqliteRecord, StorageLetter } from "../stores/sqlite/pages/record.ts";
import type { SchemaObject } from "../stores/sqlite/pages/schema-objects.ts";
import { quoted } from "../stores/sqlite/schema.ts";
import { isReadableText } from "./sound-values.ts";
import { type TableForm, tableShape } from "./table-shape.ts";

const PLACEHOLDERS: Readonly<Record<StorageLetter, string>> = {
  n: "?",
  i: "cast(? as integer)",
  I: "cast(? as integer)",
  r: "cast(? as real)",
  t: "cast(? as text)",
  b: "cast(? as blob)",
};

/** Returns an empty string for an empty byte array, because Bun and Node would bind the array as NULL. */
function bound(value: SqlValue): SqlValue {
  return value instanceof Uint8Array && value.length === 0 ? "" : value;
}

/**
 * The storage class for each value of a record. One flipped bit can turn a text into a blob. So a blob in a text column
 * is stored as a text, if it is valid text.
 */
function lettersFor({ columns }: TableForm, { letters, values }: SqliteRecord): readonly StorageLetter[] {
  if (!letters.includes("b")) return letters;
  return letters.map((letter, index) => {
    const value = values[index];
    if (letter !== "b" || columns[index]?.affinity !== "text" || !(value instanceof Uint8Array)) return letter;
    return isReadableText(value) ? "t" : letter;
  });
}

/**
 * How many rows are written in one transaction. Fewer rows would make commits expensive, and more rows would not fit in
 * the cache.
 */
const ROWS_PER_TRANSACTION = 20_000;

/** The new database, into which all readable rows of the damaged database are written. */
export class NewDatabase {
  readonly connection: Connection;
  readonly shapes: readonly TableForm[];
  readonly #indexes: readonly SchemaObject[];
  readonly #statements = new Map<string, string>();
  #pending = 0;

  constructor(connection: Connection, schema: readonly SchemaObject[], pageBytes: number) {
    this.connection = connection;
    // SQLite does not force its writes to disk here. This is safe, because nobody uses this file before it is complete,
    // checked and forced to disk.
    connection.exec(`pragma page_size = ${pageBytes}; pragma journal_mode = off; pragma synchronous = off;
      pragma foreign_keys = off; pragma cache_size = -32768; pragma temp_store = file; pragma locking_mode = exclusive`);
    for (const object of schema) if (object.type === "table" && object.sql !== null) attempt(connection, object.sql);
    this.#indexes = schema.filter((object) => object.type !== "table" && object.sql !== null);
    this.shapes = connection
      .all("select name from sqlite_master where type = 'table'")
      .map((row) => tableShape(connection, String(row.name)));
    connection.exec("begin");
  }

  /**
   * Writes a row. Returns `false` if its table already has a row with this key. The row keeps its rowid if that rowid
   * is free.
   */
  insert(shape: TableForm, record: SqliteRecord, rowID: bigint | null): boolean {
    if (rowID !== null && this.#tryInsert(shape, record, rowID)) return true;
    // The first attempt fails if another row has the rowid, or if the row itself is already in the database. The second
    // attempt lets SQLite choose a rowid, so it fails only if the row itself is already there.
    return shape.rowIDColumn === null && this.#tryInsert(shape, record, null);
  }

  /**
   * Removes the row with this id if it was last updated before `time`, in milliseconds. Returns whether a row was
   * removed.
   */
  removeOlder(table: string, id: string, time: number): boolean {
    return this.connection.run(`delete from ${quoted(table)} where id = ? and time_updated < ?`, id, time) > 0;
  }

  #tryInsert(shape: TableForm, record: SqliteRecord, rowID: bigint | null): boolean {
    const values = record.values.map(bound);
    if (rowID !== null) {
      // A column that is another name for the rowid is NULL in the stored record.
      if (shape.rowIDColumn !== null) values.splice(shape.rowIDColumn, 1);
      values.push(String(rowID));
    }
    const changed = this.connection.run(this.#statement(shape, lettersFor(shape, record), rowID !== null), ...values);
    this.#pending += 1;
    if (this.#pending === ROWS_PER_TRANSACTION) this.commit();
    return changed > 0;
  }

  #statement(shape: TableForm, letters: readonly StorageLetter[], withRowID: boolean): string {
    const key = `${shape.name} ${letters.join("")} ${withRowID}`;
    const known = this.#statements.get(key);
    if (known !== undefined) return known;
    const names = shape.columns.slice(0, letters.length).map((column) => quoted(column.name));
    const places = letters.map((letter) => PLACEHOLDERS[letter]);
    if (withRowID) {
      if (shape.rowIDColumn !== null) {
        names.splice(shape.rowIDColumn, 1);
        places.splice(shape.rowIDColumn, 1);
      }
      names.push("rowid");
      places.push("cast(? as integer)");
    }
    const sql = `insert or ignore into ${quoted(shape.name)} (${names.join(", ")}) values (${places.join(", ")})`;
    this.#statements.set(key, sql);
    return sql;
  }

  commit(): void {
    this.connection.exec("commit; begin");
    this.#pending = 0;
  }

  /**
   * Completes the database. Indexes, triggers and views are created last, because that is faster. Returns the names of
   * the objects that could not be created.
   */
  finish(): string[] {
    this.commit();
    const failed = this.#indexes.filter((object) => !attempt(this.connection, object.sql ?? ""));
    this.connection.exec("commit");
    // opencode uses WAL mode too. In WAL mode, the locks of SQLite show whether a process has the database open
    // (`soleUse`).
    this.connection.exec("pragma main.journal_mode = wal");
    return failed.map((object) => object.name);
  }
}

function attempt(connection: Connection, sql: string): boolean {
  try {
    connection.exec(sql);
    return true;
  } catch {
    return false;
  }
}
