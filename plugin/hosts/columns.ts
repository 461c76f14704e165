import type { Columns, HostProfile, ReadColumns, SchemaFrame } from "./profile.ts";

export interface MissingColumns {
  /** Columns without which opencode fails to load sessions, as `table.column`. */
  readonly read: readonly string[];
  /** Columns without which opencode loads sessions but fails in other actions, such as a prompt. */
  readonly written: readonly string[];
  /** Columns without which only some opencode versions of the range fail, in actions such as a prompt. */
  readonly writtenBySome: readonly string[];
}

/**
 * The columns that opencode versions need and a database lacks. `line` is a range of opencode versions that read
 * records in the same way. If a whole table is missing, only its name is listed. Nothing is listed for an older
 * database that opencode upgrades when it opens that database.
 */
export function missingColumns(line: HostProfile, frame: SchemaFrame): MissingColumns {
  if (line.upgradesOlder && !line.shaped(frame)) return { read: [], written: [], writtenBySome: [] };
  const reads = line.reads.filter((each) => !isToCome(each.broughtBy, frame) && !isOfNewerVersion(each, frame));
  const read = reads.flatMap(({ columns }) => missing(columns, frame));
  return {
    read,
    written: missing(line.writes, frame).filter((name) => !read.includes(name)),
    writtenBySome: missing(line.someWrite?.columns ?? {}, frame),
  };
}

function isOfNewerVersion({ columns, mayLackAll }: ReadColumns, { tables }: SchemaFrame): boolean {
  const isThere = ([table, names]: readonly [string, readonly string[]]) =>
    names.some((name) => tables.get(table)?.includes(name));
  return mayLackAll === true && !Object.entries(columns).some(isThere);
}

/**
 * Columns that opencode needs and the database lacks, although the table of migrations says that the column was added.
 * opencode does not apply a recorded migration again, so opencode fails on the database (measured: 1.15.3 and 1.18.33
 * on a database of 1.14.34).
 */
export function neverAdded(line: HostProfile, frame: SchemaFrame, isRecorded: (id: string) => boolean): string[] {
  const needed = [...line.reads.map(({ columns }) => columns), line.writes];
  return line.adds.flatMap(([id, table, column]) => {
    const isNeeded = column !== undefined && needed.some((columns) => columns[table]?.includes(column));
    return isNeeded && !frame.tables.get(table)?.includes(column) && isRecorded(id) ? [`${table}.${column}`] : [];
  });
}

/**
 * Whether opencode will still apply this migration at its next start. An upgrade can stop before a migration, for
 * example at one malformed message. The next start continues at that migration.
 */
function isToCome(migration: string | undefined, { migrations }: SchemaFrame): boolean {
  return migration !== undefined && migrations.size > 0 && !migrations.has(migration);
}

function missing(columns: Columns, { tables }: SchemaFrame): string[] {
  return Object.entries(columns).flatMap(([table, names]) => {
    const there = tables.get(table);
    if (there === undefined) return [table];
    return names.filter((name) => !there.includes(name)).map((name) => `${table}.${name}`);
  });
}
