import { mock } from "bun:test";
import type { Connection, Driver } from "../../plugin/stores/sqlite/driver.ts";
import * as real from "../../plugin/stores/sqlite/driver.ts";
import type { Effect, FaultPlan } from "./faulty-file-system.ts";

const loadReal = real.loadDriver;

let current: FaultPlan | null = null;

// This mock also stays in place for the other test files of this process. Without a plan, it returns the real driver.
await mock.module("../../plugin/stores/sqlite/driver.ts", () => ({
  ...real,
  async loadDriver() {
    const driver = await loadReal();
    return driver === null || current === null ? driver : faultyDriver(driver, current);
  },
}));

/** Runs `work`. In the meantime, operations on databases fail as `plan` says. */
export async function withFaultyDatabases<T>(plan: FaultPlan, work: () => Promise<T>): Promise<T> {
  current = plan;
  try {
    return await work();
  } finally {
    current = null;
  }
}

/** SQLite's result codes for the error codes of the operating system. */
const SQLITE_CODE: Readonly<Record<string, string>> = {
  ENOSPC: "SQLITE_FULL",
  EIO: "SQLITE_IOERR_WRITE",
  EACCES: "SQLITE_READONLY",
  EBUSY: "SQLITE_BUSY",
};

function faultyDriver(driver: Driver, plan: FaultPlan): Driver {
  return {
    name: driver.name,
    readsInPlace: driver.readsInPlace,
    open(path, mode) {
      attempt(plan, "none", () => undefined);
      const connection = driver.open(path, mode);
      // If a process dies, its locks are released and its open transaction is rolled back. Closing the connection does
      // the same.
      plan.onDeath(() => connection.close());
      return faultyConnection(connection, plan);
    },
  };
}

/** The effects of the statements that writers execute with `exec`. */
const EFFECT: Readonly<Record<string, Effect>> = {
  "begin immediate": "changes",
  commit: "takes space",
  rollback: "changes",
};

function faultyConnection(connection: Connection, plan: FaultPlan): Connection {
  return {
    all: (sql, ...values) => attempt(plan, "none", () => connection.all(sql, ...values)),
    run: (sql, ...values) => attempt(plan, "takes space", () => connection.run(sql, ...values)),
    exec: (sql) => attempt(plan, EFFECT[sql] ?? "none", () => connection.exec(sql)),
    close: () => {
      if (!plan.isDead) connection.close();
    },
  };
}

function attempt<T>(plan: FaultPlan, effect: Effect, work: () => T): T {
  try {
    plan.before(effect);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? SQLITE_CODE[String(error.code)] : undefined;
    throw code === undefined ? error : Object.assign(new Error("made up by a test"), { code, name: "SQLiteError" });
  }
  const result = work();
  plan.after(effect);
  return result;
}
