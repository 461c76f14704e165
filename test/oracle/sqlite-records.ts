import { Database } from "bun:sqlite";
import type { Json } from "../records/samples.ts";
import { sampleColumn, sampleMessage, samplePart } from "../records/samples.ts";
import { type DamagedDocument, damageDocument } from "./document-damage.ts";
import type { Random } from "./random.ts";
import type { DamagedRecord, RecordStore } from "./subject.ts";

export type Cell = string | number | bigint | Uint8Array | null;

interface RowName {
  readonly table: string;
  readonly rowID: bigint;
  readonly sessionID: string | null;
  /** The columns and values by which a locator names the row. */
  readonly key: readonly (readonly [string, string])[];
}

/** A new value for a column. */
export interface Change {
  readonly column: string;
  readonly what: string;
  /** SQL for the new value, with at most one parameter. */
  readonly sql: string;
  readonly value: Cell;
}

const JSON_COLUMNS = ["revert", "model", "permission", "metadata", "summary_diffs"];

/** Columns that say where a record belongs. Another value there would move the record, not damage it. */
const PLACES = ["id", "project_id", "session_id", "message_id", "position"];

/** Tables whose rows are records. The name of the table is also the kind of the record. */
const RECORDS = ["part", "message", "session", "todo", "project"] as const;

/**
 * The lists in which the host records its migrations. They say which host wrote the database, and the host reads them
 * only at its start.
 */
const JOURNALS = ["migration", "data_migration", "__drizzle_migrations"];

/** opencode writes to these tables whenever it starts to work in a folder. */
const WRITTEN_AT_START = ["project_directory"];

export const CELLS: readonly (readonly [what: string, sql: string])[] = [
  ["null", "null"],
  ["empty text", "''"],
  ["text", "'other'"],
  ["ses_ text", "'ses_other'"],
  ["msg_ text", "'msg_other'"],
  ["wrk_ text", "'wrk_other'"],
  ["absolute path", "'/elsewhere/folder'"],
  ["relative path", "'elsewhere/folder'"],
  ["URL", "'http://localhost:3333/L2hv/session/ses_1'"],
  ["Windows path", "'C:\\elsewhere'"],
  ["not UTF-8", "cast(x'7365735fff' as text)"],
  ["path that is not UTF-8", "cast(x'2f66ff6f' as text)"],
  ["zero", "0"],
  ["integer", "5"],
  ["negative", "-5"],
  ["fraction", "1.5"],
  ["beyond exact", "9007199254740993"],
  ["largest", "9223372036854775807"],
  ["infinite", "9e999"],
  ["milliseconds", "1790000000000"],
  ["BLOB", "x'6162'"],
  ["empty BLOB", "x''"],
  ["git", "'git'"],
];

/** Damages rows of `opencode.db` through a connection of its own, while the host runs. */
export class SqliteRecords implements RecordStore {
  readonly #database: Database;
  readonly #rows = new Map<string, RowName[]>();
  /**
   * All other tables, for example for events and for the newer kind of messages. No answer of the load path fails
   * because of them.
   */
  readonly #others: readonly string[];

  constructor(path: string) {
    this.#database = new Database(path, { safeIntegers: true });
    this.#database.run("pragma busy_timeout = 5000");
    // The test changes ids one row at a time. The host never checks the foreign keys of stored rows.
    this.#database.run("pragma foreign_keys = off");
    addWorkspace(this.#database);
    this.#list("part", "session_id", ["id"]);
    this.#list("message", "session_id", ["id"]);
    this.#list("session", "id", ["id"]);
    this.#list("todo", "session_id", ["session_id", "position"]);
    this.#list("project", "null", ["id"]);
    this.#rows.set(
      "project",
      this.#of("project").filter((row) => row.key[0]?.[1] !== "global"),
    );
    const tables = this.#database.query("select name from sqlite_master where type = 'table'").all();
    this.#others = (tables as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => ![...RECORDS, ...JOURNALS, ...WRITTEN_AT_START].includes(name) && !name.startsWith("sqlite_"));
    for (const table of this.#others) this.#list(table, "null", []);
  }

  async damageOne(random: Random): Promise<DamagedRecord | null> {
    const dice = random.next();
    if (dice < 0.01) return this.#damage(this.#of("workspace"), (row) => this.#cell(row, random), random);
    if (dice < 0.47) return this.#damage(this.#of("part"), (row) => this.#document(row, random), random);
    if (dice < 0.685) return this.#damage(this.#of("message"), (row) => this.#document(row, random), random);
    if (dice < 0.7) {
      const others = this.#others.flatMap((table) => this.#of(table));
      return this.#damage(others, (row) => this.#cell(row, random), random);
    }
    if (dice < 0.82)
      return this.#damage(this.#of("session"), (row) => this.#jsonColumn(row, JSON_COLUMNS, random), random);
    if (dice < 0.92) return this.#damage(this.#of("session"), (row) => this.#cell(row, random), random);
    if (dice < 0.94) return this.#damage(this.#of("todo"), (row) => this.#cell(row, random), random);
    const timed = [...this.#of("part"), ...this.#of("message")];
    if (dice < 0.95) return this.#damage(timed, (row) => this.#cell(row, random), random);
    // Only 0.4 percent of the damages are in projects, because the host must boot the project again for each of them.
    if (dice < 0.996) return this.#damageID(random);
    const project = (row: RowName) =>
      random.chance(0.5) ? this.#cell(row, random) : this.#jsonColumn(row, ["sandboxes", "commands"], random);
    return this.#damage(this.#of("project"), project, random);
  }

  close(): void {
    this.#database.close();
  }

  #of(table: string): readonly RowName[] {
    return this.#rows.get(table) ?? [];
  }

  #list(table: string, session: string, key: readonly string[]): void {
    const rows = this.#database
      .query(`select rowid as row, ${session} as session, * from "${table}" order by rowid`)
      .all();
    this.#rows.set(
      table,
      (rows as Record<string, Cell>[]).map((row) => ({
        table,
        rowID: BigInt(row.row as bigint),
        sessionID: row.session === null ? null : String(row.session),
        key: key.map((column) => [column, String(row[column])] as const),
      })),
    );
  }

  #read(row: RowName): Record<string, Cell> {
    return this.#database.query(`select * from "${row.table}" where rowid = ?`).get(row.rowID) as Record<string, Cell>;
  }

  async #damage(
    rows: readonly RowName[],
    choose: (row: RowName) => Change | null,
    random: Random,
  ): Promise<DamagedRecord | null> {
    if (rows.length === 0) return null;
    const row = random.pick(rows);
    const change = choose(row);
    return change === null ? null : this.#apply(row, change);
  }

  #apply(row: RowName, change: Change): DamagedRecord | null {
    const original = this.#read(row);
    const statement = `update "${row.table}" set "${change.column}" = ${change.sql} where rowid = ?2`;
    try {
      this.#database.query(statement).run(change.value, row.rowID);
    } catch (error) {
      if (error instanceof Error && /constraint/i.test(error.message)) return null;
      throw error;
    }
    const key = row.key.map(([name, value]) => `${name}=${name === change.column ? String(change.value) : value}`);
    return {
      kind: isRecordTable(row.table) ? row.table : "database",
      sessionID: row.table === "session" && change.column === "id" ? String(change.value) : row.sessionID,
      locator: `${row.table}:${key.join(",")}`,
      what: `${row.table}.${change.column}: ${change.what}`,
      undo: async () => this.#restore(row, original),
    };
  }

  #restore(row: RowName, original: Record<string, Cell>): void {
    const columns = Object.keys(original);
    this.#database
      .query(`update "${row.table}" set ${columns.map((name) => `"${name}" = ?`).join(", ")} where rowid = ?`)
      .run(...columns.map((name) => original[name] ?? null), row.rowID);
  }

  #document(row: RowName, random: Random): Change {
    const stored = JSON.parse(String(this.#read(row).data)) as Json;
    const ids = { sessionID: row.sessionID ?? "", messageID: "msg_sample", partID: "prt_sample" };
    const samples = row.table === "part" ? samplePart(ids) : sampleMessage(ids);
    return documentChange("data", damageDocument(random.chance(0.5) ? stored : random.pick(samples), random));
  }

  #jsonColumn(row: RowName, columns: readonly string[], random: Random): Change | null {
    const stored = this.#read(row);
    const column = random.pick(columns.filter((name) => name in stored));
    const ids = { sessionID: row.sessionID ?? "", messageID: "msg_sample", partID: "prt_sample" };
    const sample = random.pick(sampleColumn(column, ids));
    const value = stored[column] === null || random.chance(0.7) ? sample : (JSON.parse(String(stored[column])) as Json);
    return documentChange(column, damageDocument(value, random));
  }

  #cell(row: RowName, random: Random): Change {
    const columns = Object.keys(this.#read(row)).filter((name) => !PLACES.includes(name) && !isJSON(row, name));
    const [what, sql] = random.pick(CELLS);
    return { column: random.pick(columns), what, sql, value: null };
  }

  /**
   * Gives a row another id, or gives a part to another session. An id that keeps its prefix is not damage, because it
   * only names another record.
   */
  #damageID(random: Random): DamagedRecord | null {
    const row = random.pick([...this.#of("part"), ...this.#of("message"), ...this.#of("session")]);
    const column = row.table === "part" && random.chance(0.4) ? "session_id" : "id";
    const original = String(this.#read(row)[column]);
    const other = random.pick([
      `x${original}`,
      original.slice(1),
      original.toUpperCase(),
      `memory-context-${random.below(1e9)}`,
      original.replace(/^prt/, "part"),
      `${original.slice(0, 3)}${random.below(1e9)}`,
    ]);
    return this.#apply(row, { column, what: `now ${other}`, sql: "?1", value: other });
  }
}

/**
 * Adds a workspace, because no host of the tests creates one by itself. A session refers to the workspace only after a
 * damage.
 */
function addWorkspace(database: Database): void {
  const columns = database.query("select name, \"notnull\" as needed from pragma_table_info('workspace')").all();
  const project = database.query("select id from project limit 1").get() as { id: string } | null;
  if (columns.length === 0 || project === null) return;
  const known: Readonly<Record<string, Cell>> = {
    id: "wrk_other",
    project_id: project.id,
    type: "worktree",
    name: "w",
  };
  const values = (columns as { name: string; needed: bigint }[]).flatMap(({ name, needed }) => {
    const value = known[name] ?? (needed > 0n ? 1n : null);
    return value === null ? [] : [[name, value] as const];
  });
  const names = values.map(([name]) => `"${name}"`).join(", ");
  const places = values.map(() => "?").join(", ");
  database
    .query(`insert or ignore into workspace (${names}) values (${places})`)
    .run(...values.map(([, value]) => value));
}

function isRecordTable(table: string): table is (typeof RECORDS)[number] {
  return (RECORDS as readonly string[]).includes(table);
}

function isJSON(row: RowName, column: string): boolean {
  const json = row.table === "session" ? JSON_COLUMNS : ["sandboxes", "commands", "data"];
  return json.includes(column);
}

export function documentChange(column: string, damaged: DamagedDocument): Change {
  // Bun binds an empty array as NULL, so an empty text is bound.
  const value = damaged.bytes.length === 0 ? "" : new Uint8Array(damaged.bytes);
  return { column, what: damaged.what, sql: `cast(?1 as ${damaged.isBlob ? "blob" : "text"})`, value };
}
