import { clausesIn, columnIn, type Layout } from "./known-frame.ts";
import { KNOWN_SCHEMAS, type KnownObject, type KnownSchema } from "./known-schema.ts";
import { JOURNALS } from "./store-line.ts";

export interface LostColumn {
  readonly table: string;
  readonly name: string;
  /** The column's definition, from the statement with which opencode creates the table. */
  readonly clause: string;
}

/** The columns that a database lost, and the known schema that the database had before. */
export interface LostColumns {
  readonly known: KnownSchema;
  readonly columns: readonly LostColumn[];
}

/**
 * Finds the columns that a database lost. Everything else in the database must be exactly as a known opencode makes it.
 * The journal of migrations must be the same too. With another journal, a later start of opencode could try to add the
 * columns itself, and fail. `null` if no column was lost, if something else differs, or if a lost column cannot be
 * empty and gets no other value ({@link isReplaceable}).
 */
export function lostColumns(layout: Layout, isRecorded: (known: KnownSchema) => boolean): LostColumns | null {
  const found: LostColumns[] = [];
  for (const known of KNOWN_SCHEMAS) {
    const columns = isRecorded(known) ? lackingOf(known, layout) : null;
    if (columns?.length === 0) return null;
    if (columns !== null) found.push({ known, columns });
  }
  const [first, ...others] = found;
  const names = ({ columns }: LostColumns) => columns.map(columnName).sort().join();
  return first !== undefined && others.every((other) => names(other) === names(first)) ? first : null;
}

/** The columns with the times of a row, in the tables of opencode 1.x. */
export const TIMES: readonly string[] = ["time_created", "time_updated"];

const REPLACEABLE: Readonly<Record<string, readonly string[]>> = {
  project: [...TIMES, "sandboxes"],
  session: [...TIMES, "slug", "title", "version", "directory"],
  message: TIMES,
  part: TIMES,
};

/** Whether a salvage puts a substitute value into a lost NOT NULL column, so that the rows are saved. */
export function isReplaceable(table: string, column: string): boolean {
  return REPLACEABLE[table]?.includes(column) === true;
}

/** Tables without which SQLite or this tool cannot read any session. */
const OF_EVERY_SESSION = ["project", "session", "message", "part"];

/**
 * The tables that a database lost, if everything else in the database is exactly as a known opencode makes it. The
 * journal of migrations must also be the same. `null` if no table was lost or if something else differs.
 */
export function lostTables({ tables, indexes }: Layout, isRecorded: (known: KnownSchema) => boolean): string[] | null {
  for (const known of KNOWN_SCHEMAS) {
    const own = known.objects.filter(({ type, name }) => type === "table" && !name.startsWith("sqlite_"));
    const lost = own.map(({ name }) => name).filter((name) => !tables.has(name));
    if (lost.length === 0 || lost.some((name) => OF_EVERY_SESSION.includes(name)) || !isRecorded(known)) continue;
    const { objects } = known;
    const left = { ...known, objects: objects.filter(({ table }) => !lost.includes(table)) };
    if (lackingOf(left, { tables, indexes })?.length === 0) return lost;
  }
  return null;
}

/** The full name of a column: `table.column`. */
export function columnName({ table, name }: Pick<LostColumn, "table" | "name">): string {
  return `${table}.${name}`;
}

/** The values of a journal table by which opencode looks up migrations, one value for each row. */
export interface RecordedKeys {
  readonly keys: readonly string[];
}

/** Whether the journals of a database record exactly the migrations that a known schema records. */
export function hasJournalsOf({ journals }: KnownSchema, own: ReadonlyMap<string, RecordedKeys>): boolean {
  return JOURNALS.every(({ name, keys }) => {
    const known = journals.find(({ table }) => table === name);
    const at = known?.columns.indexOf(keys.find((key) => known.columns.includes(key)) ?? "") ?? -1;
    const wanted = new Set((at < 0 ? [] : (known?.rows ?? [])).map((row) => String(row[at])));
    const there = new Set(own.get(name)?.keys ?? []);
    return wanted.size === there.size && [...wanted].every((key) => there.has(key));
  });
}

function lackingOf({ objects }: KnownSchema, { tables, indexes }: Layout): LostColumn[] | null {
  const isOwn = (name: string) => !name.startsWith("sqlite_");
  const known = objects.filter(({ type, name }) => type === "table" && isOwn(name));
  if ([...tables.keys()].filter(isOwn).length !== known.length) return null;
  const lacking: LostColumn[] = [];
  for (const object of known) {
    const of = lackingIn(object, tables.get(object.name));
    if (of === null) return null;
    lacking.push(...of);
  }
  const isIndexThere = ({ name, table, sql }: KnownObject) =>
    indexes.has(name) || lacking.some((column) => column.table === table && mentions(sql, column.name));
  return objects.every((object) => object.type !== "index" || isIndexThere(object)) ? lacking : null;
}

function lackingIn({ name: table, sql }: KnownObject, own: readonly string[] | undefined): LostColumn[] | null {
  const clauses = clausesIn(sql).map((clause) => ({ name: columnIn(clause), clause: clause.trim() }));
  const known = clauses.flatMap(({ name, clause }) => (name === null ? [] : [{ table, name, clause }]));
  if (own === undefined || !own.every((each) => known.some(({ name }) => name === each))) return null;
  const lacking = known.filter(({ name }) => !own.includes(name));
  const isBound = (column: string) => clauses.some(({ name, clause }) => name === null && mentions(clause, column));
  const maySet = ({ name, clause }: LostColumn) => mayBeEmpty(clause) || isReplaceable(table, name);
  return lacking.every((column) => maySet(column) && !isBound(column.name)) ? lacking : null;
}

/** Whether SQLite can add the column to a table with rows. SQLite gives these rows NULL, or the column's default. */
function mayBeEmpty(clause: string): boolean {
  return (
    !/\b(primary\s+key|unique|references|generated)\b/i.test(clause) &&
    (!/not\s+null/i.test(clause) || /\bdefault\b/i.test(clause))
  );
}

function mentions(sql: string, column: string): boolean {
  return new RegExp(`\\b${column}\\b`).test(sql);
}
