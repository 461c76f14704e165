import { columnsIn } from "../hosts/known-frame.ts";
import { KNOWN_SCHEMAS } from "../hosts/known-schema.ts";
import { isReplaceable, TIMES } from "../hosts/lost-columns.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import type { SchemaObject } from "../stores/sqlite/pages/schema-objects.ts";
import { SALVAGED_TITLE, SALVAGED_VERSION } from "./rebuild-parents.ts";
import { fitsShape, hasBeginnings, type TableForm } from "./table-shape.ts";

/** A table that lost columns which may not be empty, so that its rows are shorter than opencode's. */
export interface ShortTable {
  readonly table: string;
  /** The names of all columns, as opencode makes the table. */
  readonly columns: readonly string[];
  /** The names of the columns that are lost. */
  readonly lost: readonly string[];
}

/**
 * The `create` statement of a known opencode for a table with lost columns, and the lost columns. `null` if no known
 * table has exactly the other columns in this order. A schema with the migrations in `journal` is preferred.
 */
export function shortTable(
  { type, name, sql }: SchemaObject,
  journal: ReadonlySet<string>,
): { readonly sql: string; readonly short: ShortTable } | null {
  if (type !== "table" || sql === null) return null;
  const own = columnsIn(sql);
  const found = KNOWN_SCHEMAS.flatMap(({ done, objects }) => {
    const known = objects.find((object) => object.type === "table" && object.name === name)?.sql;
    const columns = known === undefined ? [] : columnsIn(known);
    const lost = columns.filter((column) => !own.includes(column));
    const isShort = lost.length > 0 && lost.every((column) => isReplaceable(name, column));
    const left = columns.filter((column) => own.includes(column));
    if (known === undefined || !isShort || left.join() !== own.join()) return [];
    const unlike = [...done].filter((key) => !journal.has(key)).length;
    return [{ unlike, sql: known, short: { table: name, columns, lost } }];
  });
  return found.sort((one, other) => one.unlike - other.unlike)[0] ?? null;
}

/** What replaces a lost text. A lost slug is replaced by the id of its session. */
const TEXTS: Readonly<Record<string, string>> = {
  title: SALVAGED_TITLE,
  version: SALVAGED_VERSION,
  sandboxes: "[]",
};

/** A row of a short table with a value in every lost column, so that it has the form of opencode's own rows. */
export function lengthened<Row extends SqliteRecord>(record: Row, { columns, lost }: ShortTable): Row {
  const letters = [...record.letters];
  const values = [...record.values];
  for (const [at, name] of columns.entries()) {
    if (at > letters.length) break;
    if (!lost.includes(name)) continue;
    const isTime = TIMES.includes(name);
    letters.splice(at, 0, isTime ? "i" : "t");
    // A rebuilt session in a file also has its id as the slug (`rebuilt-session.ts`).
    const text = name === "slug" ? (record.values[0] ?? null) : Buffer.from(TEXTS[name] ?? "");
    values.splice(at, 0, isTime ? 0 : text);
  }
  return { ...record, letters, values };
}

/**
 * Whether a record is a row of a short table, judged by its lengthened form. On the pages of another table or of no
 * table, the storage classes of its values must fit too.
 */
export function isShortRow(record: SqliteRecord, short: ShortTable, full: TableForm, owner: string | null): boolean {
  const long = lengthened(record, short);
  return hasBeginnings(full, long) && (owner === short.table || fitsShape(full, long, false));
}

/** A time that a message states about itself. */
function stated(field: "created" | "completed"): string {
  const path = `'$.time.${field}'`;
  return `case when json_valid(data) and json_type(data, ${path}) = 'integer' then json_extract(data, ${path}) end`;
}

/** If a session without messages lost both of its times, it gets the time of its project. */
const OF_PROJECT = "(select time_created from project where id = session.project_id)";

/**
 * The first or last time of the records that belong to a row. It is read for all rows together, because no index exists
 * yet.
 */
interface OfChildren {
  readonly time: "min(time_created)" | "max(time_updated)";
  readonly children: "message" | "session";
  /** The column in which a child names its parent. */
  readonly parent: "session_id" | "project_id";
}

const FIRST_MESSAGE: OfChildren = { time: "min(time_created)", children: "message", parent: "session_id" };
const LAST_MESSAGE: OfChildren = { time: "max(time_updated)", children: "message", parent: "session_id" };
const FIRST_SESSION: OfChildren = { time: "min(time_created)", children: "session", parent: "project_id" };
const LAST_SESSION: OfChildren = { time: "max(time_updated)", children: "session", parent: "project_id" };

/**
 * What replaces a lost time, by table and column: SQL for a value of the same row, or the times of other records. The
 * first value that is neither NULL nor 0 is used.
 */
const REPLACEMENTS: Readonly<Record<string, Readonly<Record<string, readonly (string | OfChildren)[]>>>> = {
  message: {
    time_created: [stated("created"), "time_updated"],
    time_updated: [stated("completed"), "time_created"],
  },
  part: {
    time_created: ["time_updated", "(select time_created from message where id = part.message_id)"],
    time_updated: ["time_created"],
  },
  session: {
    time_created: [FIRST_MESSAGE, "time_updated", OF_PROJECT],
    time_updated: [LAST_MESSAGE, "time_created"],
  },
  project: {
    time_created: [FIRST_SESSION, "time_updated"],
    time_updated: [LAST_SESSION, "time_created"],
  },
};

/**
 * Sets the lost times of all rows from other values: those of the messages first, because the other tables take times
 * from them.
 */
export function setLostTimes(connection: Connection, tables: readonly ShortTable[]): void {
  for (const [table, replacements] of Object.entries(REPLACEMENTS)) {
    const lost = tables.find((each) => each.table === table)?.lost ?? [];
    for (const column of TIMES.filter((each) => lost.includes(each))) {
      for (const value of replacements[column] ?? []) connection.exec(setLostTime(table, column, value));
    }
  }
}

/** The statement that sets the times that are still lost, as far as this value is neither NULL nor 0. */
function setLostTime(table: string, column: string, value: string | OfChildren): string {
  if (typeof value === "string") return `update "${table}" set ${column} = coalesce(${value}, 0) where ${column} = 0`;
  const { time, children, parent } = value;
  return `update "${table}" set ${column} = found.time
    from (select ${parent} as id, ${time} as time from "${children}" group by ${parent}) as found
    where found.id = "${table}".id and "${table}".${column} = 0 and found.time is not null`;
}
