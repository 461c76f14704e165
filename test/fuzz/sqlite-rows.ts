import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The name of the table whose rows are compared, and the SQL that makes it. */
export const TABLE = "entry";
export const TABLE_SQL = `CREATE TABLE ${TABLE} (id text PRIMARY KEY, number integer, words text, data blob)`;

interface Database {
  prepare(sql: string): { all(): unknown[] };
  close(): void;
}

type Sqlite = { readonly DatabaseSync: new (path: string) => Database };

/** Node has this module from 22.5 on. In an older Node, nothing is compared. */
const sqlite = process.getBuiltinModule?.("node:sqlite") as Sqlite | undefined;

let folder: string | null = null;

function scratch(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), "opencode-session-repair-fuzz-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

const NAMES = ["id", "number", "words", "data"];
export const COLUMNS = NAMES.length;

const VALUES = NAMES.map(
  (name) => `substr(typeof(${name}), 1, 1) || ' ' ||
    case when typeof(${name}) in ('text', 'blob') then lower(hex(${name}))
      when typeof(${name}) = 'real' then '' else coalesce(cast(${name} as text), 'null') end`,
).join(" || char(10) || ");

/**
 * The rows of the table by their rowid. `null` if SQLite reports an error in the database, or if the table is missing.
 */
export function rowsBySqlite(main: Buffer, wal: Buffer | null): ReadonlyMap<string, string> | null {
  if (sqlite === undefined) return null;
  const path = join(scratch(), "opencode.db");
  for (const suffix of ["-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
  writeFileSync(path, main);
  if (wal !== null) writeFileSync(`${path}-wal`, wal);
  let database: Database | null = null;
  try {
    database = new sqlite.DatabaseSync(path);
    const [check] = database.prepare("pragma integrity_check(1)").all() as { integrity_check: string }[];
    const made = database
      .prepare(`select sql from sqlite_schema where (type, name, tbl_name) = ('table', '${TABLE}', '${TABLE}')`)
      .all() as { sql: string }[];
    if (check?.integrity_check !== "ok" || made.length !== 1 || made[0]?.sql !== TABLE_SQL) return null;
    const sql = `select cast(rowid as text) as at, ${VALUES} as cells from ${TABLE} not indexed`;
    const rows = database.prepare(sql).all() as { at: string; cells: string }[];
    return new Map(rows.map(({ at, cells }) => [at, cells]));
  } catch {
    return null;
  } finally {
    database?.close();
  }
}
