/** What an SQLite error means for a repair. A busy database or a full disk must not be taken for damage. */
export type SqliteFailure =
  | "busy"
  | "full"
  | "read-only"
  | "io"
  | "malformed"
  | "not-a-database"
  | "cannot-open"
  | "other";

/** The primary result codes of SQLite (sqlite.org/rescode.html). */
const BY_NUMBER: Readonly<Record<number, SqliteFailure>> = {
  5: "busy",
  6: "busy",
  8: "read-only",
  10: "io",
  11: "malformed",
  13: "full",
  14: "cannot-open",
  // SQLITE_PROTOCOL: other processes changed the lock of the WAL so often that SQLite gave up.
  15: "busy",
  26: "not-a-database",
};

/**
 * The extended codes with another meaning than their primary code: `SQLITE_IOERR_SHORT_READ` (the file ends inside a
 * page) and `SQLITE_IOERR_SHMSIZE` (no disk space for the index of the WAL).
 */
const EXTENDED: Readonly<Record<number, SqliteFailure>> = { 522: "malformed", 4874: "full" };

const BY_NAME: readonly (readonly [string, SqliteFailure])[] = [
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_PROTOCOL", "busy"],
  ["SQLITE_READONLY", "read-only"],
  ["SQLITE_FULL", "full"],
  ["SQLITE_IOERR_SHORT_READ", "malformed"],
  ["SQLITE_IOERR_SHMSIZE", "full"],
  ["SQLITE_IOERR", "io"],
  ["SQLITE_CORRUPT", "malformed"],
  ["SQLITE_CANTOPEN", "cannot-open"],
  ["SQLITE_NOTADB", "not-a-database"],
];

/** Finds out what an error of `bun:sqlite` (`code`, `errno`) or `node:sqlite` (`errcode`) means. */
export function sqliteFailure(error: unknown): SqliteFailure {
  if (!(error instanceof Error)) return "other";
  // Two kinds of damage have only the general code SQLITE_ERROR, so the message decides. Either the schema cannot be
  // parsed, or the header contains numbers that SQLite never writes.
  if (/malformed database schema|unsupported file format/i.test(error.message)) return "malformed";
  const code = "code" in error ? String(error.code) : "";
  const named = BY_NAME.find(([name]) => code.startsWith(name));
  if (named !== undefined) return named[1];
  for (const field of ["errcode", "errno"] as const) {
    const number = field in error ? Number((error as Error & Record<typeof field, unknown>)[field]) : Number.NaN;
    const known = EXTENDED[number] ?? BY_NUMBER[number & 0xff];
    if (Number.isInteger(number) && number > 0 && known !== undefined) return known;
  }
  return "other";
}

/** The name of SQLite's result code, because `node:sqlite` does not give it; `null` if the code has no name here. */
export function resultName(failure: SqliteFailure): string | null {
  return BY_NAME.find(([, each]) => each === failure)?.[0] ?? null;
}

/**
 * Damage that SQLite itself does not notice: a damaged b-tree may return rows in a wrong order, in an endless circle.
 */
class RowsOutOfOrderError extends Error {
  readonly code = "SQLITE_CORRUPT";

  constructor(table: string) {
    super(`The rows of ${table} are not in order.`);
    this.name = "RowsOutOfOrderError";
  }
}

/**
 * The row after which the next step of reading a table begins.
 * @throws RowsOutOfOrderError if the rows of this step do not come after those of the earlier step
 */
export function nextStart(table: string, after: string, last: string): string {
  if (BigInt(last) <= BigInt(after)) throw new RowsOutOfOrderError(table);
  return last;
}
