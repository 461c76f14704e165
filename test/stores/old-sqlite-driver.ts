/**
 * Replaces Bun's SQLite with the SQLite of macOS 12 (3.37). As with Apple's SQLite, WAL files stay after the last
 * close.
 */
import { CString, dlopen, type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import { mock } from "bun:test";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Connection, Driver, OpenMode, SqlRow, SqlValue } from "../../plugin/stores/sqlite/driver.ts";
import * as real from "../../plugin/stores/sqlite/driver.ts";
import { cacheDirectory } from "../host/cache.ts";

const run = promisify(execFile);

export const OLD_VERSION = "3.37.0";

/** The release of an npm package that contains the source of this old SQLite. */
const SOURCE = "better-sqlite3@7.4.6";

/** A sentence that says why the old SQLite cannot be built here. `null` if it can be built. */
export function whyNoOldSQLite(): string | null {
  if (process.platform !== "linux") return "the old SQLite is made for Linux alone";
  return Bun.which("cc") === null ? "there is no C compiler, so no old SQLite is made" : null;
}

/** The path of the library. It is compiled once and kept in `.cache/sqlite`. */
async function library(): Promise<string> {
  const folder = cacheDirectory(join("sqlite", OLD_VERSION));
  const path = join(folder, "libsqlite3.so");
  if (existsSync(path)) return path;
  await mkdir(join(folder, ".."), { recursive: true });
  const stage = await mkdtemp(`${folder}-`);
  try {
    await run("npm", ["pack", SOURCE, "--silent"], { cwd: stage });
    const archive = (await readdir(stage)).find((name) => name.endsWith(".tgz")) ?? "";
    await run("tar", ["-xzf", archive], { cwd: stage });
    await run("tar", ["-xzf", join("package", "deps", "sqlite3.tar.gz")], { cwd: stage });
    const flags = ["-O0", "-shared", "-fPIC", "-DSQLITE_ENABLE_JSON1", "-DSQLITE_THREADSAFE=1"];
    await run("cc", [...flags, "-o", "libsqlite3.so", "sqlite3.c", "-lm", "-ldl", "-lpthread"], { cwd: stage });
    await rename(stage, folder).catch((error: unknown) => {
      // Another process may have built the library in the meantime.
      if (!existsSync(path)) throw error;
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return path;
}

const SYMBOLS = {
  sqlite3_libversion: { args: [], returns: "ptr" },
  sqlite3_open_v2: { args: ["ptr", "ptr", "i32", "ptr"], returns: "i32" },
  sqlite3_close_v2: { args: ["ptr"], returns: "i32" },
  sqlite3_file_control: { args: ["ptr", "ptr", "i32", "ptr"], returns: "i32" },
  sqlite3_extended_errcode: { args: ["ptr"], returns: "i32" },
  sqlite3_errmsg: { args: ["ptr"], returns: "ptr" },
  sqlite3_exec: { args: ["ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  sqlite3_prepare_v2: { args: ["ptr", "ptr", "i32", "ptr", "ptr"], returns: "i32" },
  sqlite3_bind_null: { args: ["ptr", "i32"], returns: "i32" },
  sqlite3_bind_double: { args: ["ptr", "i32", "f64"], returns: "i32" },
  sqlite3_bind_int64: { args: ["ptr", "i32", "i64"], returns: "i32" },
  sqlite3_bind_text: { args: ["ptr", "i32", "ptr", "i32", "i64"], returns: "i32" },
  sqlite3_bind_blob: { args: ["ptr", "i32", "ptr", "i32", "i64"], returns: "i32" },
  sqlite3_step: { args: ["ptr"], returns: "i32" },
  sqlite3_finalize: { args: ["ptr"], returns: "i32" },
  sqlite3_changes: { args: ["ptr"], returns: "i32" },
  sqlite3_column_count: { args: ["ptr"], returns: "i32" },
  sqlite3_column_name: { args: ["ptr", "i32"], returns: "ptr" },
  sqlite3_column_type: { args: ["ptr", "i32"], returns: "i32" },
  sqlite3_column_double: { args: ["ptr", "i32"], returns: "f64" },
  sqlite3_column_text: { args: ["ptr", "i32"], returns: "ptr" },
  sqlite3_column_blob: { args: ["ptr", "i32"], returns: "ptr" },
  sqlite3_column_bytes: { args: ["ptr", "i32"], returns: "i32" },
} as const;

function load(path: string) {
  return dlopen(path, SYMBOLS).symbols;
}

type SQLite = ReturnType<typeof load>;

const [ROW, DONE] = [100, 101];
const PERSIST_WAL = 10;
/** Tells SQLite to copy each bound value. */
const TRANSIENT = -1n;

const FLAGS: Readonly<Record<OpenMode, number>> = { immutable: 1, shared: 1, read: 1, write: 2, create: 6, sole: 2 };
const OPEN_URI = 0x40;

function c(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function text(pointer: Pointer | bigint | null): string {
  return pointer === null ? "" : new CString(Number(pointer) as Pointer).toString();
}

function connect(sqlite: SQLite, uri: string, mode: OpenMode): Connection {
  const handle = new BigUint64Array(1);
  const opened = sqlite.sqlite3_open_v2(ptr(c(uri)), ptr(handle), FLAGS[mode] | OPEN_URI, null);
  const database = Number(handle[0]) as Pointer;
  const failed = () => {
    const errno = sqlite.sqlite3_extended_errcode(database);
    return Object.assign(new Error(text(sqlite.sqlite3_errmsg(database))), { errno });
  };
  if (opened !== 0) {
    const error = failed();
    sqlite.sqlite3_close_v2(database);
    throw error;
  }
  const on = new Int32Array([1]);
  sqlite.sqlite3_file_control(database, null, PERSIST_WAL, ptr(on));
  const bind = (statement: Pointer, place: number, value: SqlValue) => {
    if (value === null) return sqlite.sqlite3_bind_null(statement, place);
    if (typeof value === "number") {
      return Number.isSafeInteger(value)
        ? sqlite.sqlite3_bind_int64(statement, place, BigInt(value))
        : sqlite.sqlite3_bind_double(statement, place, value);
    }
    const bytes = Buffer.from(value as string | Uint8Array);
    // An empty value needs an address too.
    const address = ptr(bytes.length === 0 ? Buffer.alloc(1) : bytes);
    return typeof value === "string"
      ? sqlite.sqlite3_bind_text(statement, place, address, bytes.length, TRANSIENT)
      : sqlite.sqlite3_bind_blob(statement, place, address, bytes.length, TRANSIENT);
  };
  const column = (statement: Pointer, index: number): SqlValue => {
    const type = sqlite.sqlite3_column_type(statement, index);
    if (type === 5) return null;
    if (type === 1 || type === 2) return sqlite.sqlite3_column_double(statement, index);
    const read = type === 3 ? sqlite.sqlite3_column_text : sqlite.sqlite3_column_blob;
    const address = Number(read(statement, index)) as Pointer;
    const length = sqlite.sqlite3_column_bytes(statement, index);
    const bytes = length === 0 ? Buffer.alloc(0) : Buffer.from(toArrayBuffer(address, 0, length));
    return type === 3 ? bytes.toString("utf8") : new Uint8Array(bytes);
  };
  const all = (sql: string, values: readonly SqlValue[]): SqlRow[] => {
    const prepared = new BigUint64Array(1);
    const source = c(sql);
    if (sqlite.sqlite3_prepare_v2(database, ptr(source), source.length, ptr(prepared), null) !== 0) throw failed();
    const statement = Number(prepared[0]) as Pointer;
    try {
      values.forEach((value, index) => {
        if (bind(statement, index + 1, value) !== 0) throw failed();
      });
      const rows: SqlRow[] = [];
      for (;;) {
        const step = sqlite.sqlite3_step(statement);
        if (step === DONE) return rows;
        if (step !== ROW) throw failed();
        const count = sqlite.sqlite3_column_count(statement);
        const cells = Array.from({ length: count }, (_, index) => [
          text(sqlite.sqlite3_column_name(statement, index)),
          column(statement, index),
        ]);
        rows.push(Object.fromEntries(cells));
      }
    } finally {
      sqlite.sqlite3_finalize(statement);
    }
  };
  return {
    all: (sql, ...values) => all(sql, values),
    run(sql, ...values) {
      all(sql, values);
      return sqlite.sqlite3_changes(database);
    },
    exec(sql) {
      if (sqlite.sqlite3_exec(database, ptr(c(sql)), null, null, null) !== 0) throw failed();
    },
    close: () => void sqlite.sqlite3_close_v2(database),
  };
}

let current: Driver | null = null;

const loadReal = real.loadDriver;

// This replacement also affects the other test files of this process. If it is not in use, it calls the real driver.
await mock.module("../../plugin/stores/sqlite/driver.ts", () => ({
  ...real,
  loadDriver: async () => current ?? loadReal(),
}));

const PARAMETERS: Readonly<Record<OpenMode, string>> = {
  immutable: "mode=ro&immutable=1",
  shared: "mode=ro&readonly_shm=1",
  read: "mode=ro",
  write: "mode=rw",
  create: "mode=rwc",
  sole: "mode=rw&vfs=unix-excl",
};

/** Runs `work` with the old SQLite in place of the SQLite of this runtime. */
export async function withOldSQLite<T>(work: () => Promise<T>): Promise<T> {
  const sqlite = load(await library());
  const version = text(sqlite.sqlite3_libversion());
  if (version !== OLD_VERSION) throw new Error(`The library is SQLite ${version}.`);
  current = {
    name: "bun:sqlite",
    readsInPlace: true,
    open: (path, mode) => connect(sqlite, `file://${encodeURI(path)}?${PARAMETERS[mode]}`, mode),
  };
  real.noteSQLiteVersion(version);
  try {
    return await work();
  } finally {
    current = null;
    real.noteSQLiteVersion("3.53.0");
  }
}
