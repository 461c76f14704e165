import { isThere } from "../../platform/read-now.ts";

/** Values that SQLite returns and takes as parameters. Integers are selected as text, so that all 64 bits are kept. */
export type SqlValue = null | number | string | Uint8Array;

export type SqlRow = Readonly<Record<string, SqlValue>>;

/**
 * A connection to a database, with the same interface in Bun and Node. Calls are synchronous, and errors are those of
 * the runtime. Parameters are written as `?`, because some releases up to Node 24 cannot bind `?1` by its position
 * (docs/node-versions.md).
 */
export interface Connection {
  all(sql: string, ...values: SqlValue[]): SqlRow[];
  /** Runs a statement and returns the number of changed rows. */
  run(sql: string, ...values: SqlValue[]): number;
  exec(sql: string): void;
  close(): void;
}

/**
 * How a database is opened:
 * - `immutable`: as a file that nobody writes to, without its WAL, locks and side files;
 * - `shared`: read-only beside programs that write; WAL and shared memory are read but not written;
 * - `read`: read-only in the usual way;
 * - `write`: for reading and writing; the file must exist;
 * - `create`: for reading and writing a file of this tool, which may be missing;
 * - `sole`: like `write`, but with a lock that allows no other connection; not on Windows.
 */
export type OpenMode = "immutable" | "shared" | "read" | "write" | "create" | "sole";

/** A database file and the way in which it is opened. */
export interface DatabaseSource {
  readonly path: string;
  readonly mode: OpenMode;
}

export interface Driver {
  readonly name: "bun:sqlite" | "node:sqlite";
  /**
   * Whether the driver can open a database as `immutable` and `shared`, so that reading changes no byte. Node 22.5 to
   * 22.14 and 23.0 to 23.9 cannot, because their SQLite accepts no URI (docs/node-versions.md). With these versions,
   * the tool reads private copies.
   */
  readonly readsInPlace: boolean;
  open(path: string, mode: OpenMode): Connection;
}

/**
 * The first SQLite version with the function `octet_length`. An older SQLite is possible: on macOS, bun:sqlite uses the
 * library of the system, which is 3.37 on macOS 12 and 3.39 on 13.
 */
const FIRST_WITH_OCTET_LENGTH = [3, 43] as const;

let hasOctetLength = true;

/** Notes the version of this process's SQLite library. Called once, when the driver is loaded. */
export function noteSQLiteVersion(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [firstMajor, firstMinor] = FIRST_WITH_OCTET_LENGTH;
  hasOctetLength = major > firstMajor || (major === firstMajor && minor >= firstMinor);
}

/**
 * The SQL for the length of a value in bytes. `octet_length` is preferred, because it does not read the value itself,
 * which may be very large.
 */
export function byteLength(column: string): string {
  return hasOctetLength ? `octet_length(${column})` : `length(cast(${column} as blob))`;
}

interface BunStatement {
  all(...values: SqlValue[]): unknown[];
  run(...values: SqlValue[]): { changes: number };
}

interface BunDatabase {
  query(sql: string): BunStatement;
  prepare(sql: string): BunStatement & { finalize(): void };
  exec(sql: string): void;
  close(): void;
}

interface NodeStatement {
  all(...values: SqlValue[]): unknown[];
  run(...values: SqlValue[]): { changes: number | bigint };
}

interface NodeDatabase {
  prepare(sql: string): NodeStatement;
  exec(sql: string): void;
  close(): void;
}

const OPEN_READONLY = 0x1;
const OPEN_READWRITE = 0x2;
const OPEN_CREATE = 0x4;
const OPEN_URI = 0x40;

/** A `file:` URI for SQLite. `%`, `?` and `#` in the path are escaped, because they have a meaning in a URI. */
function databaseURI(path: string, mode: OpenMode): string {
  const escaped = path.replace(/\\/g, "/").replace(/[%?#]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
  const parameters = {
    immutable: "mode=ro&immutable=1",
    shared: "mode=ro&readonly_shm=1",
    read: "mode=ro",
    write: "mode=rw",
    create: "mode=rwc",
    sole: "mode=rw&vfs=unix-excl",
  };
  // A path with a drive letter gets a leading slash. A path on a server keeps its two slashes, because SQLite accepts
  // no host name in the URI.
  return `file:///${escaped.replace(/^\//, "")}?${parameters[mode]}`;
}

function isWriting(mode: OpenMode): boolean {
  return mode === "write" || mode === "create" || mode === "sole";
}

function asRows(rows: unknown[]): SqlRow[] {
  return rows as SqlRow[];
}

interface NodeModule {
  readonly DatabaseSync: new (path: string, options: { readOnly: boolean }) => NodeDatabase;
}

const VERSION = "select sqlite_version() as version";

function noteVersionOf(rows: unknown[]): void {
  noteSQLiteVersion(String(asRows(rows)[0]?.version));
}

async function bunDriver(): Promise<Driver> {
  // The name of the module is not a literal, so that Node and bundlers do not look for it (the desktop app of opencode
  // runs plugins on Node).
  const specifier = "bun:sqlite";
  const module = (await import(specifier)) as { Database: new (path: string, flags: number) => BunDatabase };
  const memory = new module.Database(":memory:", OPEN_READWRITE | OPEN_CREATE);
  noteVersionOf(memory.query(VERSION).all());
  memory.close();
  return {
    name: "bun:sqlite",
    readsInPlace: true,
    open(path, mode) {
      const access =
        mode === "create" ? OPEN_READWRITE | OPEN_CREATE : isWriting(mode) ? OPEN_READWRITE : OPEN_READONLY;
      const database = new module.Database(databaseURI(path, mode), access | OPEN_URI);
      const statements = new Map<string, BunStatement & { finalize(): void }>();
      const prepared = (sql: string) => {
        const known = statements.get(sql) ?? database.prepare(sql);
        statements.set(sql, known);
        return known;
      };
      return {
        all: (sql, ...values) => asRows(prepared(sql).all(...values)),
        run: (sql, ...values) => prepared(sql).run(...values).changes,
        exec: (sql) => database.exec(sql),
        close() {
          // If a statement stays open, Bun's `close` leaves the file open until the next garbage collection.
          for (const statement of statements.values()) statement.finalize();
          statements.clear();
          database.close();
        },
      };
    },
  };
}

/**
 * The URI of a database in memory, which tests whether SQLite accepts URIs. An SQLite without URIs takes this text for
 * a file in a missing folder, and fails.
 */
const MEMORY_URI = "file:///dev/null/none?mode=memory";

function takesURI({ DatabaseSync }: NodeModule): boolean {
  try {
    new DatabaseSync(MEMORY_URI, { readOnly: false }).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens a database by its path, for an SQLite that accepts no URI. Node up to 22.11 does not know `readOnly` and would
 * create a missing file.
 */
function openByPath({ DatabaseSync }: NodeModule, path: string, mode: OpenMode): NodeDatabase {
  if (mode === "immutable" || mode === "shared" || mode === "sole")
    throw new Error(`This SQLite cannot open a database as ${mode}.`);
  if (mode !== "create" && !isThere(path)) {
    throw Object.assign(new Error("unable to open database file"), { code: "SQLITE_CANTOPEN" });
  }
  const database = new DatabaseSync(path, { readOnly: mode === "read" });
  if (mode === "read") database.exec("pragma query_only = 1");
  return database;
}

async function nodeDriver(): Promise<Driver> {
  const specifier = "node:sqlite";
  const module = (await withoutExperimentalWarning(() => import(specifier))) as NodeModule;
  const memory = new module.DatabaseSync(":memory:", { readOnly: false });
  noteVersionOf(memory.prepare(VERSION).all());
  memory.close();
  const readsInPlace = takesURI(module);
  return {
    name: "node:sqlite",
    readsInPlace,
    open(path, mode) {
      const database = readsInPlace
        ? new module.DatabaseSync(databaseURI(path, mode), { readOnly: !isWriting(mode) })
        : openByPath(module, path, mode);
      const statements = new Map<string, NodeStatement>();
      const prepared = (sql: string): NodeStatement => {
        const known = statements.get(sql) ?? database.prepare(sql);
        statements.set(sql, known);
        return known;
      };
      return {
        all: (sql, ...values) => asRows(prepared(sql).all(...values)),
        run: (sql, ...values) => Number(prepared(sql).run(...values).changes),
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
      };
    },
  };
}

/** Hides the warning that Node prints to stderr when `node:sqlite` is first loaded, because it would confuse users. */
async function withoutExperimentalWarning<T>(load: () => Promise<T>): Promise<T> {
  const original = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return await load();
  } finally {
    process.emitWarning = original;
  }
}

/** The SQLite of this runtime: of Bun, or of Node 22.5 and newer; `null` if the runtime has no SQLite. */
export async function loadDriver(): Promise<Driver | null> {
  try {
    return process.versions.bun === undefined ? await nodeDriver() : await bunDriver();
  } catch {
    return null;
  }
}
