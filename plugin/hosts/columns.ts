import type { Columns, Frame, HostProfile } from "./profile.ts";

export interface MissingColumns {
  /** Without these the host fails to load sessions: `table.column`. */
  readonly read: readonly string[];
  /** Without these it fails on some of what it does besides. */
  readonly written: readonly string[];
}

/** The columns that a line needs and a database does not have; a migration that is still to come may bring them. */
export function missingColumns(line: HostProfile, frame: Frame): MissingColumns {
  if (line.upgradesOlder && !line.shaped(frame)) return { read: [], written: [] };
  const reads = line.reads.filter(({ broughtBy }) => !isToCome(broughtBy, frame));
  return { read: reads.flatMap(({ columns }) => missing(columns, frame)), written: missing(line.writes, frame) };
}

/**
 * Whether an upgrade was begun and stopped before a migration, as one malformed message makes it do before that of a
 * session's usage: the next start goes on from there.
 */
function isToCome(migration: string | undefined, { migrations }: Frame): boolean {
  return migration !== undefined && migrations.size > 0 && !migrations.has(migration);
}

function missing(columns: Columns, { tables }: Frame): string[] {
  return Object.entries(columns).flatMap(([table, names]) => {
    const there = tables.get(table);
    if (there === undefined) return table === "todo" ? ["todo"] : [];
    return names.filter((name) => !there.includes(name)).map((name) => `${table}.${name}`);
  });
}
