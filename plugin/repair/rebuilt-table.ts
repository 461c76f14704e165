import { journalOf, statementOf } from "../hosts/known-frame.ts";
import { KNOWN_SCHEMAS, type KnownSchema, MOMENTS } from "../hosts/known-schema.ts";
import { hasJournalsOf, lostColumns, lostTables } from "../hosts/lost-columns.ts";
import type { RowValues } from "../model/artifact.ts";
import type { Replacement } from "../model/replacement.ts";
import type { DatabaseFrame } from "../stores/survey.ts";

/**
 * The rows that are missing in the database's list of applied migrations. The tables, columns and indexes show which
 * opencode version made the database, and which migrations were applied. Returns `null` if they are not exactly those
 * of one known version, or if the list has an entry that this version does not know.
 */
export function rebuiltJournal({ layout, journals }: DatabaseFrame): Replacement | null {
  const whole = journalOf(layout);
  if (whole === null) return null;
  const { table, columns, statement } = whole;
  const there = journals.get(table);
  if (there !== undefined && !isSameSet(there.columns, columns)) return null;
  const key = columns.indexOf(whole.key);
  const known = new Map(whole.rows.map((row) => [String(row[key]), row]));
  const recorded = there?.keys ?? [];
  if (recorded.some((each) => !known.has(each))) return null;
  const lacking = [...known].filter(([each]) => !recorded.includes(each)).map(([, row]) => row);
  if (lacking.length === 0) return null;
  // SQLite assigns a new row number here, because another row may already have the number that opencode used.
  const stated = columns.filter((name) => name === whole.key || name !== "id");
  const rows = lacking.map(
    (row): RowValues =>
      Object.fromEntries(stated.map((name) => [name, MOMENTS[name]?.() ?? row[columns.indexOf(name)] ?? null])),
  );
  const source = "the migrations that match the tables and columns of the database";
  const change = { table, statement: there === undefined ? statement : null, rows, before: there?.digest ?? "absent" };
  return { source, content: { table: change } };
}

/**
 * Creates a missing or incomplete table again, as opencode creates it. Returns `null` if the table was not empty, or if
 * anything else differs from a known opencode version.
 */
export function rebuiltTable(missing: readonly string[], { layout, emptyTables }: DatabaseFrame): Replacement | null {
  const [table, ...others] = new Set(missing.map((name) => name.split(".")[0] ?? ""));
  const before = table === undefined || others.length > 0 ? undefined : emptyTables.get(table);
  const statement = table === undefined || before === undefined ? null : statementOf(table, layout);
  if (table === undefined || before === undefined || statement === null) return null;
  const source = "opencode's own definition of the table, which had no rows";
  return { source, content: { table: { table, statement, rows: [], before } } };
}

/**
 * Whether `salvage` can build a database that has the missing columns or tables again. Everything else in the database
 * must be as a known opencode version makes it.
 */
export function isSalvageable({ layout, journals }: DatabaseFrame): boolean {
  const isRecorded = (known: KnownSchema) => hasJournalsOf(known, journals);
  return lostColumns(layout, isRecorded) !== null || lostTables(layout, isRecorded) !== null;
}

/**
 * Whether the list of applied migrations is that of a known opencode version. If not, the database may be older than
 * all known versions.
 */
export function hasKnownJournals({ journals }: DatabaseFrame): boolean {
  return KNOWN_SCHEMAS.some((known) => hasJournalsOf(known, journals));
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each) => others.includes(each));
}
