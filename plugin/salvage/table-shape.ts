import type { Connection, SqlValue } from "../stores/sqlite/driver.ts";
import type { SqliteRecord, StorageLetter } from "../stores/sqlite/pages/record.ts";
import { utf8Text } from "../stores/sqlite/pages/schema-objects.ts";
import { quoted } from "../stores/sqlite/schema.ts";

export interface ColumnShape {
  readonly name: string;
  readonly affinity: "text" | "integer" | "real" | "other";
  readonly isNeeded: boolean;
  /**
   * Whether a record may end before this column. Rows that were written before a migration added the column have no
   * value for it.
   */
  readonly hasDefault: boolean;
}

/** The columns of a table and the values that they accept. */
export interface TableForm {
  readonly name: string;
  readonly columns: readonly ColumnShape[];
  /**
   * The index of the column that is another name for the rowid; `null` if there is none. That column is NULL in the
   * stored record.
   */
  readonly rowIDColumn: number | null;
}

function affinityOf(type: string): ColumnShape["affinity"] {
  if (/int/i.test(type)) return "integer";
  if (/char|clob|text/i.test(type)) return "text";
  return /real|floa|doub/i.test(type) ? "real" : "other";
}

/** Reads the columns of a table in the new database. */
export function tableShape(connection: Connection, name: string): TableForm {
  const rows = connection.all(`pragma table_info(${quoted(name)})`);
  const keys = rows.filter((row) => Number(row.pk) > 0);
  const alone = keys.length === 1 && /^integer$/i.test(String(keys[0]?.type)) ? keys[0] : undefined;
  return {
    name,
    columns: rows.map((row) => ({
      name: String(row.name),
      affinity: affinityOf(String(row.type)),
      isNeeded: Number(row.notnull) === 1,
      hasDefault: row.dflt_value !== null || Number(row.notnull) === 0,
    })),
    rowIDColumn: alone === undefined ? null : Number(alone.cid),
  };
}

const FITTING: Readonly<Record<ColumnShape["affinity"], readonly StorageLetter[]>> = {
  text: ["t", "b"],
  integer: ["i", "I", "r"],
  real: ["r", "i", "I"],
  other: ["i", "I", "r", "t", "b"],
};

/**
 * Whether a record can be a row of this table, judged by the storage classes of its values. With `exactly`, the record
 * must have every column.
 */
export function fitsShape(shape: TableForm, record: SqliteRecord, exactly: boolean): boolean {
  const { letters } = record;
  if (letters.length > shape.columns.length || (exactly && letters.length !== shape.columns.length)) return false;
  return shape.columns.every((column, index) => {
    const letter = letters[index];
    if (letter === undefined) return column.hasDefault;
    if (letter === "n") return !column.isNeeded || index === shape.rowIDColumn;
    return FITTING[column.affinity].includes(letter);
  });
}

/**
 * How values in opencode's own tables begin. These patterns show the table of a row if the tree of its page is lost.
 */
const BEGINNINGS: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  part: { id: /^prt/, message_id: /^msg/, session_id: /^ses/ },
  message: { id: /^msg/, session_id: /^ses/, data: /^\s*\{/ },
  session: { id: /^ses/, slug: /./, directory: /^(\/|[A-Za-z]:|$)/, version: /^./ },
  event: { id: /^evt/, aggregate_id: /^./, type: /^[a-z]/ },
  session_message: { session_id: /^ses/, type: /^[a-z]/, data: /^\s*\{/ },
  session_input: { session_id: /^ses/ },
  session_context_epoch: { session_id: /^ses/ },
  event_sequence: { aggregate_id: /^(ses|wrk)_/ },
  project: { id: /^([0-9a-f]{40}|global$)/, worktree: /^(\/|[A-Za-z]:)/, sandboxes: /^\s*\[/ },
  todo: { session_id: /^ses/, status: /^[a-z_]+$/ },
  session_share: { session_id: /^ses/, url: /^http/ },
  migration: { id: /^\d{14}_/ },
  data_migration: { name: /^[a-z]+(_[a-z]+)+$/ },
  __drizzle_migrations: { hash: /^([0-9a-f]{64})?$/ },
  workspace: { id: /^wrk/ },
};

const LONGEST_BEGINNING = 64;

/** Whether the first value of a record is an id that only this table has in its first column. */
export function hasOwnID({ name, columns }: TableForm, { values: [id] }: SqliteRecord): boolean {
  const beginning = columns[0]?.name === "id" ? BEGINNINGS[name]?.id : undefined;
  return beginning !== undefined && begins(id, beginning);
}

function begins(value: SqlValue | undefined, beginning: RegExp): boolean {
  return value instanceof Uint8Array && beginning.test(utf8Text(value.subarray(0, LONGEST_BEGINNING)));
}

/** A complete id of opencode. An id whose prefix is damaged does not match. */
const ID = /^(ses|msg|prt|evt|wrk|per)_[0-9A-Za-z]{20,}$/;

/** Whether a record has an id of another kind in a column of this table. Then it is a row of another table. */
export function hasOthersIDs({ name, columns }: TableForm, { values }: SqliteRecord): boolean {
  return columns.some((column, index) => {
    const [beginning, value] = [BEGINNINGS[name]?.[column.name], values[index]];
    if (beginning === undefined || !(value instanceof Uint8Array) || value.length > LONGEST_BEGINNING) return false;
    return column.name.endsWith("id") && ID.test(utf8Text(value)) && !begins(value, beginning);
  });
}

/**
 * How many columns of this table have a recognisable beginning. A table with more of them is recognised more reliably.
 */
export function tellingColumns({ name, columns }: TableForm): number {
  return columns.filter((column) => BEGINNINGS[name]?.[column.name] !== undefined).length;
}

/** Whether a column of opencode may hold this value, judged by how the value begins. */
export function beginsAs(table: string, column: string, value: SqlValue): boolean {
  const beginning = BEGINNINGS[table]?.[column];
  return beginning === undefined || value === null || begins(value, beginning);
}

/**
 * Whether the values of a record begin like the values that opencode writes into this table's columns. `false` if the
 * table is unknown.
 */
export function hasBeginnings(shape: TableForm, { letters, values }: SqliteRecord): boolean {
  const known = BEGINNINGS[shape.name];
  if (known === undefined || letters.length > shape.columns.length) return false;
  return shape.columns.every((column, index) => {
    if (index >= letters.length) return column.hasDefault;
    if (letters[index] === "n" && column.isNeeded && index !== shape.rowIDColumn) return false;
    const beginning = known[column.name];
    return beginning === undefined || begins(values[index], beginning);
  });
}
