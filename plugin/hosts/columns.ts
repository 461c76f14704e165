import type { Columns, Frame, HostProfile } from "./profile.ts";

export interface MissingColumns {
  /** Columns without which the host fails to load sessions, as `table.column`. */
  readonly read: readonly string[];
  /** Columns without which other actions of the host fail. */
  readonly written: readonly string[];
}

/** The columns that a line of opencode needs, but a database lacks. A pending migration may still add them. */
export function missingColumns(line: HostProfile, frame: Frame): MissingColumns {
  if (line.upgradesOlder && !line.shaped(frame)) return { read: [], written: [] };
  const reads = line.reads.filter(({ broughtBy }) => !isToCome(broughtBy, frame));
  return { read: reads.flatMap(({ columns }) => missing(columns, frame)), written: missing(line.writes, frame) };
}

/**
 * Whether an upgrade stopped before this migration. One malformed message stops an upgrade before the migration for a
 * session's usage. The next start continues at that migration.
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
