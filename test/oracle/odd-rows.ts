import { Database } from "bun:sqlite";
import type { RecordKind } from "../../plugin/model/artifact.ts";
import { type Json, sampleColumn, sampleMessage, samplePart } from "../records/samples.ts";
import { CELLS, ID_FORMS } from "./odd-cells.ts";
import { oddDocument } from "./odd-documents.ts";
import type { Random } from "./random.ts";
import { type Cell, type Change, documentChange } from "./sqlite-records.ts";
import type { DamagedRecord, RecordStore } from "./subject.ts";

type Row = Record<string, Cell>;

type Table = "part" | "message" | "session" | "todo" | "project";

const KEYS: Readonly<Record<Table, readonly string[]>> = {
  part: ["id"],
  message: ["id"],
  session: ["id"],
  todo: ["session_id", "position"],
  project: ["id"],
};

const JSON_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  session: ["revert", "model", "permission", "metadata", "summary_diffs"],
  project: ["sandboxes", "commands"],
  part: ["data"],
  message: ["data"],
};

/** Columns that say where a record belongs. `#cell` does not change them, because `#reference` and `#id` do. */
const PLACES = ["id", "project_id", "session_id", "message_id", "position"];

/**
 * Tables that say which opencode version wrote the database, or that opencode writes whenever it starts in a folder.
 */
const LEFT_ALONE = ["migration", "data_migration", "__drizzle_migrations", "project_directory"];

/**
 * Damages rows of `opencode.db` in ways that `SqliteRecords` does not: odd documents, cells and ids, changed
 * references, additional copies of rows, missing rows, and odd rows of other tables.
 */
export class OddRows implements RecordStore {
  readonly #database: Database;
  readonly #others: readonly string[];

  constructor(path: string) {
    this.#database = new Database(path, { safeIntegers: true });
    this.#database.run("pragma busy_timeout = 5000");
    this.#database.run("pragma foreign_keys = off");
    const tables = this.#all("select name from sqlite_master where type = 'table'").map(({ name }) => String(name));
    this.#others = tables.filter(
      (name) => !(name in KEYS) && !LEFT_ALONE.includes(name) && !name.startsWith("sqlite_"),
    );
  }

  async damageOne(random: Random): Promise<DamagedRecord | null> {
    const dice = random.next();
    if (dice < 0.24) return this.#update("part", (row) => this.#document("part", row, random), random);
    if (dice < 0.36) return this.#update("message", (row) => this.#document("message", row, random), random);
    if (dice < 0.48) return this.#update("session", (row) => this.#jsonColumn("session", row, random), random);
    if (dice < 0.64) return this.#update("session", (row) => this.#cell("session", row, random), random);
    if (dice < 0.66) return this.#update("todo", (row) => this.#cell("todo", row, random), random);
    if (dice < 0.69) {
      const table = random.pick(["part", "message"] as const);
      return this.#update(table, (row) => this.#cell(table, row, random, true), random);
    }
    if (dice < 0.79) return this.#twin(random);
    if (dice < 0.86) return this.#reference(random);
    if (dice < 0.92) return this.#id(random);
    if (dice < 0.95) return this.#delete(random);
    if (dice < 0.99) return this.#otherRow(random);
    // Projects are damaged rarely, because the host must boot the project again for each damage.
    const change = (row: Row) =>
      random.chance(0.5) ? this.#cell("project", row, random) : this.#jsonColumn("project", row, random);
    return this.#update("project", change, random);
  }

  close(): void {
    this.#database.close();
  }

  #all(sql: string, ...values: Cell[]): Row[] {
    return this.#database.query(sql).all(...values) as Row[];
  }

  #rows(table: string): Row[] {
    const of = table === "project" ? "where id <> 'global'" : "";
    return this.#all(`select rowid as "#", * from "${table}" ${of} order by rowid`);
  }

  #update(table: Table, choose: (row: Row) => Change, random: Random): DamagedRecord | null {
    const rows = this.#rows(table);
    if (rows.length === 0) return null;
    const row = random.pick(rows);
    return this.#apply(table, row, choose(row));
  }

  #apply(table: Table, row: Row, { column, what, sql, value }: Change): DamagedRecord | null {
    const statement = `update "${table}" set "${column}" = ${sql} where rowid = ?2`;
    if (!this.#runs(statement, value, row["#"] ?? null)) return null;
    const now = this.#all(`select * from "${table}" where rowid = ?`, row["#"] ?? null)[0] ?? {};
    const record = this.#record(table, now, `${column}: ${what}`, async () => this.#put(table, row));
    if (column === "id" && table === "session") return { ...record, gone: String(row.id) };
    return column === "session_id" ? { ...record, sessionID: String(row.session_id) } : record;
  }

  /** Runs the statement. Returns false if the database refuses it. */
  #runs(statement: string, ...values: Cell[]): boolean {
    try {
      this.#database.query(statement).run(...values);
      return true;
    } catch (error) {
      if (error instanceof Error && /constraint|datatype mismatch/i.test(error.message)) return false;
      throw error;
    }
  }

  #record(table: Table, row: Row, what: string, undo: () => Promise<void>): DamagedRecord {
    const session = table === "session" ? row.id : table === "project" ? null : row.session_id;
    return {
      kind: table as RecordKind,
      sessionID: session === null || session === undefined ? null : String(session),
      locator: `${table}:${KEYS[table].map((key) => `${key}=${String(row[key])}`).join(",")}`,
      what: `${table}.${what}`,
      undo,
      asksAll: true,
    };
  }

  #put(table: string, row: Row): void {
    this.#database.query(`delete from "${table}" where rowid = ?`).run(row["#"] ?? null);
    const columns = Object.keys(row).filter((column) => column !== "#");
    const names = ["rowid", ...columns.map((column) => `"${column}"`)].join(", ");
    const places = ["?", ...columns.map(() => "?")].join(", ");
    const values = columns.map((column) => row[column] ?? null);
    this.#database.query(`insert into "${table}" (${names}) values (${places})`).run(row["#"] ?? null, ...values);
  }

  #document(table: "part" | "message", row: Row, random: Random): Change {
    const ids = { sessionID: String(row.session_id), messageID: "msg_sample", partID: "prt_sample" };
    const samples = table === "part" ? samplePart(ids) : sampleMessage(ids);
    const stored = JSON.parse(String(row.data)) as Json;
    const document = random.chance(0.4) ? stored : random.pick(samples);
    return documentChange("data", oddDocument(document, [...samplePart(ids), ...sampleMessage(ids)], random));
  }

  #jsonColumn(table: "session" | "project", row: Row, random: Random): Change {
    const columns = (JSON_COLUMNS[table] ?? []).filter((name) => name in row);
    const column = random.pick(columns);
    const ids = { sessionID: String(row.id), messageID: "msg_sample", partID: "prt_sample" };
    const others = columns.flatMap((name) => [...sampleColumn(name, ids)]);
    return documentChange(column, oddDocument(random.pick(sampleColumn(column, ids)), others, random));
  }

  #cell(table: Table, row: Row, random: Random, withDocuments = false): Change {
    const json = withDocuments ? [] : (JSON_COLUMNS[table] ?? []);
    const columns = Object.keys(row).filter((name) => name !== "#" && !PLACES.includes(name) && !json.includes(name));
    const sql = random.pick(CELLS);
    return { column: random.pick(columns), what: sql, sql, value: null };
  }

  /** Copies a row under another id, and sometimes puts an odd value in the copy. */
  #twin(random: Random): DamagedRecord | null {
    const table = random.pick(["part", "message", "session", "todo"] as const);
    const rows = this.#rows(table);
    if (rows.length === 0) return null;
    const row = { ...random.pick(rows) };
    const [last] = this.#all(`select max(rowid) as row from "${table}"`);
    row["#"] = BigInt(last?.row as bigint) + 1000n;
    if (table === "todo") row.position = 900n + BigInt(random.below(90));
    else row.id = `${String(row.id)}${random.pick(["x", "X", "\u00e9", "-", "."])}`;
    this.#put(table, row);
    const gone = async () => {
      this.#database.query(`delete from "${table}" where rowid = ?`).run(row["#"] ?? null);
    };
    const now = () => this.#all(`select * from "${table}" where rowid = ?`, row["#"] ?? null)[0] ?? {};
    if (random.chance(0.25)) return this.#record(table, now(), "one more row", gone);
    const isDocument = (table === "part" || table === "message") && random.chance(0.8);
    const change = isDocument
      ? this.#document(table, row, random)
      : table === "session" && random.chance(0.4)
        ? this.#jsonColumn(table, row, random)
        : this.#cell(table, row, random);
    const { column, what, sql, value } = change;
    this.#runs(`update "${table}" set "${column}" = ${sql} where rowid = ?2`, value, row["#"] ?? null);
    return this.#record(table, now(), `one more row, ${column}: ${what}`, gone);
  }

  #reference(random: Random): DamagedRecord | null {
    const any = (table: Table, column = "id") => {
      const rows = this.#rows(table);
      return rows.length === 0 ? "ses_nobody" : String(random.pick(rows)[column]);
    };
    const to = (column: string, value: Cell): Change => ({ column, what: `now ${value}`, sql: "?1", value });
    switch (random.below(5)) {
      case 0:
        return this.#update(
          "part",
          () => to("message_id", random.pick([any("message"), "msg_nobody", "other", ""])),
          random,
        );
      case 1:
        return this.#update(
          "part",
          () => to("session_id", random.pick([any("session"), "ses_nobody", "", any("message")])),
          random,
        );
      case 2:
        return this.#update("message", () => to("session_id", random.pick([any("session"), "ses_nobody"])), random);
      case 3:
        return this.#update(
          "session",
          (row) => to("parent_id", random.pick([any("session"), String(row.id), "ses_nobody"])),
          random,
        );
      default:
        return this.#update("todo", () => to("session_id", random.pick([any("session"), "ses_nobody"])), random);
    }
  }

  #id(random: Random): DamagedRecord | null {
    const table = random.pick(["part", "part", "message", "session"] as const);
    const form = random.pick(ID_FORMS);
    return this.#update(
      table,
      (row) => ({
        column: "id",
        what: `now ${form(String(row.id)).slice(0, 60)}`,
        sql: "?1",
        value: form(String(row.id)),
      }),
      random,
    );
  }

  /** Deletes a part, a todo or a row of another table. opencode itself deletes such rows too. */
  #delete(random: Random): DamagedRecord | null {
    const filled = ["part", "todo", ...this.#others].filter((table) => this.#rows(table).length > 0);
    if (filled.length === 0) return null;
    const table = random.pick(filled);
    const rows = this.#rows(table);
    const row = random.pick(rows);
    this.#database.query(`delete from "${table}" where rowid = ?`).run(row["#"] ?? null);
    const what = `${table}: a row less`;
    const undo = async () => this.#put(table, row);
    return { kind: "database", sessionID: null, locator: `${table}:`, what, undo, asksAll: true };
  }

  /**
   * Changes a row of another table, or adds a row. A changed row gets one odd value, and an added row gets odd values
   * in most columns.
   */
  #otherRow(random: Random): DamagedRecord | null {
    if (this.#others.length === 0) return null;
    const table = random.pick(this.#others);
    const columns = this.#all(`select name from pragma_table_info('${table}')`).map(({ name }) => String(name));
    const rows = this.#rows(table);
    const [before] = rows.length > 0 && random.chance(0.6) ? [random.pick(rows)] : [];
    if (before !== undefined) {
      const [column, sql] = [random.pick(columns), random.pick(CELLS)];
      // This column is another name of the rowid.
      if (String(before[column]) === String(before["#"])) return null;
      if (!this.#runs(`update "${table}" set "${column}" = ${sql} where rowid = ?`, before["#"] ?? null)) return null;
      const what = `${table}.${column}: ${sql}`;
      const undo = async () => this.#put(table, before);
      return { kind: "database", sessionID: null, locator: `${table}:`, what, undo, asksAll: true };
    }
    const values = columns.map((column) => {
      if (column === "session_id" || column === "aggregate_id")
        return `'${String(random.pick(this.#rows("session")).id)}'`;
      if (column === "project_id") return `'${String(random.pick(this.#rows("project")).id)}'`;
      return random.pick(CELLS);
    });
    const names = columns.map((column) => `"${column}"`).join(", ");
    if (!this.#runs(`insert into "${table}" (${names}) values (${values.join(", ")})`)) return null;
    const [added] = this.#all("select last_insert_rowid() as row");
    const undo = async () => {
      this.#database.query(`delete from "${table}" where rowid = ?`).run(added?.row ?? null);
    };
    const what = `${table}: one more row ${values.join(", ").slice(0, 200)}`;
    return { kind: "database", sessionID: null, locator: `${table}:`, what, undo, asksAll: true };
  }
}
