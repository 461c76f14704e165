import { journalOf, statementOf } from "../hosts/known-frame.ts";
import { KNOWN_SCHEMAS, type KnownSchema, MOMENTS } from "../hosts/known-schema.ts";
import { hasJournalsOf, lostColumns, lostTables } from "../hosts/lost-columns.ts";
import type { RowValues } from "../model/artifact.ts";
import type { Replacement } from "../model/replacement.ts";
import type { DatabaseFrame } from "../stores/survey.ts";

/**
 * The rows that the journal of a database lacks. These rows are known only if the tables, columns and indexes are
 * exactly those of a known host. In that case the journal of that host is the right one. `null` if they differ, or if
 * the journal has other rows too.
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
  // SQLite assigns the number of a row here, so the number that the known host used may be taken.
  const stated = columns.filter((name) => name === whole.key || name !== "id");
  const rows = lacking.map(
    (row): RowValues =>
      Object.fromEntries(stated.map((name) => [name, MOMENTS[name]?.() ?? row[columns.indexOf(name)] ?? null])),
  );
  const source = "the migrations that match the tables and columns of the database";
  const change = { table, statement: there === undefined ? statement : null, rows, before: there?.digest ?? "absent" };
  return { source, content: { table: change } };
}

/** An empty table as its host creates it, if only that table differs from a known host's. Otherwise `null`. */
export function rebuiltTable(missing: readonly string[], { layout, emptyTables }: DatabaseFrame): Replacement | null {
  const [table, ...others] = new Set(missing.map((name) => name.split(".")[0] ?? ""));
  const before = table === undefined || others.length > 0 ? undefined : emptyTables.get(table);
  const statement = table === undefined || before === undefined ? null : statementOf(table, layout);
  if (table === undefined || before === undefined || statement === null) return null;
  const source = "the table as opencode creates it; it was empty";
  return { source, content: { table: { table, statement, rows: [], before } } };
}

/**
 * Whether `salvage` builds a database that has the lost columns or tables again, because everything else in it is as a
 * known host leaves it.
 */
export function isSalvageable({ layout, journals }: DatabaseFrame): boolean {
  const isRecorded = (known: KnownSchema) => hasJournalsOf(known, journals);
  return lostColumns(layout, isRecorded) !== null || lostTables(layout, isRecorded) !== null;
}

/** Whether the journals are those of a known host, so that the database is not older than all of them. */
export function hasKnownJournals({ journals }: DatabaseFrame): boolean {
  return KNOWN_SCHEMAS.some((known) => hasJournalsOf(known, journals));
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each) => others.includes(each));
}
