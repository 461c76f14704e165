import { deserialize, serialize } from "node:v8";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { SqliteRecord } from "./record.ts";

/** A row of which only a part could be read. */
export interface UnfinishedRow {
  readonly table: string;
  /** `null` where the page no longer tells. */
  readonly rowID: bigint | null;
  readonly record: SqliteRecord;
}

/** A record that an index, or another record, says there was. */
export interface ExpectedRecord {
  readonly id: string;
  readonly kind: "session" | "message" | "part";
  readonly messageID: string | null;
  readonly sessionID: string | null;
  /** Of its row, where the index of the table's key tells. */
  readonly rowID: number | null;
}

/** What is known beside the rows themselves. In a file, so that its size does not matter. */
export class Ledger {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.exec(`pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -16384;
      create table expected (id text primary key, kind text not null, message_id text, session_id text,
        row_id integer) without rowid;
      create index expected_row on expected (kind, row_id);
      create table unfinished (number integer primary key, row blob not null);
      begin`);
  }

  expect({ id, kind, messageID, sessionID, rowID }: ExpectedRecord): void {
    this.#connection.run(
      `insert into expected values (?, ?, ?, ?, ?) on conflict (id) do update set
         message_id = coalesce(message_id, excluded.message_id), session_id = coalesce(session_id, excluded.session_id),
         row_id = coalesce(row_id, excluded.row_id)`,
      id,
      kind,
      messageID,
      sessionID,
      rowID,
    );
  }

  isExpected(id: string): boolean {
    return this.#connection.all("select 1 from expected where id = ?", id).length > 0;
  }

  /** The id of the record that an index says is in this row of the table. */
  idAt(kind: ExpectedRecord["kind"], rowID: bigint | null): string | null {
    if (rowID === null) return null;
    const sql = "select id from expected where kind = ? and row_id = cast(? as integer)";
    const id = this.#connection.all(sql, kind, String(rowID))[0]?.id;
    return typeof id === "string" ? id : null;
  }

  /** The message or session above a record, as an index names it. */
  above(id: string | null, column: "message_id" | "session_id"): string | null {
    const above = this.#connection.all(`select ${column} as above from expected where id = ?`, id)[0]?.above;
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

  /** Puts it beside another database under the name `ledger`. */
  attachTo(connection: Connection, path: string): void {
    this.commit();
    connection.run("attach ? as ledger", path);
  }

  /** Ends the writing, so that others may read the file. */
  commit(): void {
    this.#connection.exec("commit; begin");
  }

  close(): void {
    this.#connection.exec("commit");
    this.#connection.close();
  }
}

/** A copy of its own: a view would be written out with all that it is a view of. */
function plainBytes<T>(value: T): T | Uint8Array {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}
