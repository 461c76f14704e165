import { KNOWN_SCHEMAS, type KnownJournal, type KnownSchema } from "./known-schema.ts";
import { JOURNALS } from "./store-line.ts";

/** The tables, columns and indexes of a database, which show which opencode versions can have made it. */
export interface Layout {
  /** The names of the columns of each table. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** Names of the indexes that were made by a statement of their own, not by a constraint of a table. */
  readonly indexes: ReadonlySet<string>;
}

/**
 * The table in which opencode records migrations (the journal), as opencode would have written it: its name, columns,
 * rows and SQL.
 */
export interface WholeJournal extends KnownJournal {
  /** The column in which opencode looks up whether a migration was applied. */
  readonly key: string;
  /** The SQL statement that creates the table. */
  readonly statement: string;
}

const JOURNAL_NAMES: readonly string[] = JOURNALS.map(({ name }) => name);

/**
 * Finds the journal of migrations that belongs to a layout, if a known opencode makes exactly this layout: every table,
 * column and index. Otherwise `null`, because nothing shows which migrations were applied. No two recorded schemas with
 * the same layout have different journals (test/hosts/known-frame.test.ts).
 */
export function journalOf(layout: Layout): WholeJournal | null {
  const schemas = KNOWN_SCHEMAS.filter((known) => isLaidOut(known, layout, JOURNAL_NAMES));
  for (const { name: table, keys } of JOURNALS) {
    for (const { journals, objects } of schemas) {
      const journal = journals.find((each) => each.table === table);
      const statement = objects.find(({ type, name }) => type === "table" && name === table)?.sql;
      const key = keys.find((column) => journal?.columns.includes(column));
      if (journal !== undefined && statement !== undefined && key !== undefined) return { ...journal, key, statement };
    }
  }
  return null;
}

/**
 * The statement that creates `table`. It is known only if all other tables, columns and indexes of the layout are
 * exactly as a known opencode makes them. Otherwise the result is `null`.
 */
export function statementOf(table: string, layout: Layout): string | null {
  const known = KNOWN_SCHEMAS.find((each) => isLaidOut(each, layout, [...JOURNAL_NAMES, table]));
  return known?.objects.find(({ type, name }) => type === "table" && name === table)?.sql ?? null;
}

function isLaidOut({ objects }: KnownSchema, { tables, indexes }: Layout, besides: readonly string[]): boolean {
  const isLeftOut = (name: string) => besides.includes(name) || name.startsWith("sqlite_");
  const known = objects.filter(({ type, name }) => type === "table" && !isLeftOut(name));
  const own = [...tables].filter(([name]) => !isLeftOut(name));
  const hasSame = ({ name, sql }: (typeof objects)[number]) => {
    const columns = tables.get(name) ?? [];
    const wanted = columnsIn(sql);
    return columns.length === wanted.length && wanted.every((column) => columns.includes(column));
  };
  const named = objects.filter(({ type, table }) => type === "index" && !isLeftOut(table));
  return own.length === known.length && known.every(hasSame) && named.every(({ name }) => indexes.has(name));
}

/** The names of the columns that a statement of a known schema creates, in order. */
export function columnsIn(statement: string): string[] {
  return clausesIn(statement).flatMap((clause) => columnIn(clause) ?? []);
}

/** The definitions of columns and constraints in a statement that creates a table, in order. */
export function clausesIn(statement: string): string[] {
  const inside = statement.slice(statement.indexOf("(") + 1, statement.lastIndexOf(")"));
  let depth = 0;
  const clauses = [""];
  for (const letter of inside) {
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    if (letter === "," && depth === 0) clauses.push("");
    else clauses.push(`${clauses.pop() ?? ""}${letter}`);
  }
  return clauses;
}

/** The name of the column that a clause defines; `null` if it is a constraint. */
export function columnIn(clause: string): string | null {
  const [, quoted, bare] = /^\s*(?:[`"]([^`"]+)[`"]|(\w+))/.exec(clause) ?? [];
  if (quoted !== undefined) return quoted;
  return bare === undefined || /^(constraint|primary|foreign|unique|check)$/i.test(bare) ? null : bare;
}
