import { deserialize, serialize } from "node:v8";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import type { NamedRow } from "./index-shape.ts";

/** A row that could be read only in part. */
export interface UnfinishedRow {
  readonly table: string;
  /** The rowid; `null` if the page no longer shows it. */
  readonly rowID: bigint | null;
  readonly record: SqliteRecord;
}

/**
 * A temporary database with facts about rows of the damaged database. It is a file, because these facts may not fit in
 * memory.
 */
export class Ledger {
  readonly #connection: Connection;

  /**
   * Creates three tables. `named` has the rows that indexes name, with one bit for each index. A row without any bit is
   * only a hint: its index is unknown, or its page may be out of date. `taken` has the rows that were found in pages,
   * with their rowids. `unfinished` has rows that could be read only in part.
   */
  constructor(connection: Connection) {
    this.#connection = connection;
    connection.exec(`pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -16384;
      create table named (kind text, row_id integer, id text, message_id text, session_id text, sources integer,
        primary key (kind, row_id)) without rowid;
      create index named_id on named (id);
      create table taken (kind text, row_id integer, id text, primary key (kind, row_id, id)) without rowid;
      create table unfinished (number integer primary key, row blob not null);
      begin`);
  }

  /** Records a row that an index names. A value that another reliable index has already given is kept. */
  name({ table, rowID, id, messageID, sessionID }: NamedRow, source: number): void {
    this.#connection.run(
      `insert into named values (?, cast(? as integer), ?, ?, ?, ?) on conflict (kind, row_id) do update set
         id = iif(sources = 0, coalesce(excluded.id, id), coalesce(id, excluded.id)),
         message_id = iif(sources = 0, coalesce(excluded.message_id, message_id), coalesce(message_id, excluded.message_id)),
         session_id = iif(sources = 0, coalesce(excluded.session_id, session_id), coalesce(session_id, excluded.session_id)),
         sources = sources | excluded.sources`,
      ...[table, rowID, id, messageID, sessionID, source],
    );
  }

  /** Records a row that is named only by a page that looks like a page of an index. */
  hint({ table, rowID, id, messageID, sessionID }: NamedRow): void {
    const row = [table, rowID, id, messageID, sessionID];
    this.#connection.run("insert or ignore into named values (?, cast(? as integer), ?, ?, ?, 0)", ...row);
  }

  /** Whether an index has already named this row. */
  isNamedBy({ table, rowID }: NamedRow, source: number): boolean {
    const sql = "select 1 from named where kind = ? and row_id = cast(? as integer) and sources & ? > 0";
    return this.#connection.all(sql, table, rowID, source).length > 0;
  }

  /** Records a row that was found in a page. `id` is empty in a table without ids. */
  took(table: string, rowID: bigint, id: string): void {
    this.#connection.run("insert or ignore into taken values (?, cast(? as integer), ?)", table, String(rowID), id);
  }

  isExpected(id: string): boolean {
    return this.#connection.all("select 1 from named where id = ?", id).length > 0;
  }

  /** The id that an index gives for the row with this rowid; `null` if no index does. */
  idAt(table: string, rowID: bigint | null): string | null {
    if (rowID === null) return null;
    const sql = "select id from named where kind = ? and row_id = cast(? as integer)";
    const id = this.#connection.all(sql, table, String(rowID))[0]?.id;
    return typeof id === "string" ? id : null;
  }

  /** The message or session to which a record belongs, as an index names it; `null` if no index does. */
  above(id: string | null, column: "message_id" | "session_id"): string | null {
    const sql = `select ${column} as above from named where id = ? and ${column} is not null`;
    const above = this.#connection.all(sql, id)[0]?.above;
    return typeof above === "string" ? above : null;
  }

  keepUnfinished(row: UnfinishedRow): void {
    const plain = { ...row, record: { letters: row.record.letters, values: row.record.values.map(plainBytes) } };
    this.#connection.run("insert into unfinished (row) values (?)", new Uint8Array(serialize(plain)));
  }

  *unfinished(): Iterable<UnfinishedRow> {
    for (let last = 0; ; ) {
      const row = this.#connection.all(
        "select number, row from unfinished where number > ? order by 1 limit 1",
        last,
      )[0];
      if (row === undefined || !(row.row instanceof Uint8Array)) return;
      last = Number(row.number);
      yield deserialize(row.row) as UnfinishedRow;
    }
  }

  /** Attaches this database to another connection, under the name `ledger`. */
  attachTo(connection: Connection, path: string): void {
    this.commit();
    connection.run("attach ? as ledger", path);
  }

  /** Commits all changes, so that other connections can read them. */
  commit(): void {
    this.#connection.exec("commit; begin");
  }

  close(): void {
    this.#connection.exec("commit");
    this.#connection.close();
  }
}

/** Copies the bytes, because `serialize` would write the whole buffer behind a view. */
function plainBytes<T>(value: T): T | Uint8Array {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}
