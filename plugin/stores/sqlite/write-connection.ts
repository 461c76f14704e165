import { setTimeout as sleep } from "node:timers/promises";
import type { FileSystem } from "../../platform/file-system.ts";
import { BEING_WRITTEN, DISK_ERROR } from "../../words/refusals.ts";
import { DISK_FULL, type ItemOutcome, StoreRefusedError } from "../writer.ts";
import type { Connection } from "./driver.ts";
import { mayChangeMore } from "./known-shape.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/**
 * After this number of milliseconds, a transaction is committed and the next one begins. The time is short, because
 * opencode cannot write during a transaction.
 */
const LONGEST_TRANSACTION_MS = 5;

const MOST_PAUSE_MS = 100;

/** A connection that writes in short transactions beside a running opencode. */
export class WriteConnection {
  readonly connection: Connection;
  readonly #files: FileSystem;
  /**
   * The path of the WAL; `null` if the database has none. The WAL is forced to disk after the transactions, not inside
   * them.
   */
  readonly #log: string | null;
  /** How long the last transaction kept other processes from writing, in milliseconds. */
  #heldMs = 0;

  private constructor(files: FileSystem, connection: Connection, log: string | null) {
    this.#files = files;
    this.connection = connection;
    this.#log = log;
  }

  /**
   * Opens a database for writing.
   * @throws StoreRefusedError if the database cannot be opened for writing
   */
  static open(files: FileSystem, open: () => Connection): WriteConnection {
    const connection = refusing(attempt(open));
    try {
      connection.exec("pragma busy_timeout = 2000");
      connection.exec("pragma foreign_keys = on");
      const log = logOf(connection);
      connection.exec(`pragma synchronous = ${log === null ? "full" : "normal"}`);
      return new WriteConnection(files, mayChangeMore(connection) ? alone(connection) : connection, log);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Runs the work while foreign keys are off. Then removing a row does not remove its children, and a row may name a
   * missing parent.
   */
  async withoutCascades<T>(work: () => Promise<T>): Promise<T> {
    this.connection.exec("pragma foreign_keys = off");
    try {
      return await work();
    } finally {
      this.connection.exec("pragma foreign_keys = on");
    }
  }

  /**
   * Runs the work, and then forces its committed transactions to disk before the result is reported. No lock is held
   * during that, so a slow disk does not make opencode wait.
   */
  async forced<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      // Opening the WAL is safe in opencode's process too, because SQLite holds no lock on the WAL.
      if (this.#log !== null && (await this.#files.stat(this.#log)) !== null) await this.#files.syncFile(this.#log);
    }
  }

  /** Waits as long as the last transaction took, but not longer than a limit, so that opencode can write too. */
  async giveWay(): Promise<void> {
    await sleep(Math.min(this.#heldMs, MOST_PAUSE_MS));
  }

  /**
   * Does the work on all units in several short transactions, so that other processes can write between two
   * transactions.
   */
  async inShortTransactions<T>(units: readonly T[], work: (unit: T) => ItemOutcome[]): Promise<ItemOutcome[]> {
    const outcomes: ItemOutcome[] = [];
    for (let rest = units; rest.length > 0; ) {
      if (rest !== units) await this.giveWay();
      let done = 0;
      const some = this.transaction(() => {
        const until = performance.now() + LONGEST_TRANSACTION_MS;
        const results: ItemOutcome[] = [];
        for (const unit of rest) {
          if (done > 0 && performance.now() > until) break;
          results.push(...work(unit));
          done += 1;
        }
        return results;
      });
      outcomes.push(...some);
      rest = rest.slice(done);
    }
    return outcomes;
  }

  transaction<T>(work: () => T): T {
    try {
      this.connection.exec("begin immediate");
      const since = performance.now();
      const result = work();
      this.connection.exec("commit");
      this.#heldMs = performance.now() - since;
      return result;
    } catch (error) {
      try {
        this.connection.exec("rollback");
      } catch {
        // The rollback failed because SQLite has already rolled back the transaction, or because the transaction never
        // began.
      }
      throw error;
    }
  }
}

/** The path of the WAL of a database; `null` if the database uses another kind of journal. */
function logOf(connection: Connection): string | null {
  const [mode] = connection.all("pragma journal_mode");
  const [main] = connection.all("select file from pragma_database_list where name = 'main'");
  return mode?.journal_mode === "wal" && typeof main?.file === "string" ? `${main.file}-wal` : null;
}

/**
 * Wraps a connection so that a statement may change only its own rows. If a trigger or a foreign key changes other rows
 * too, the statement fails, and its transaction is rolled back.
 */
function alone(connection: Connection): Connection {
  const changed = (): number => Number(connection.all("select total_changes() as n")[0]?.n);
  return {
    ...connection,
    run: (sql, ...values) => {
      const before = changed();
      const result = connection.run(sql, ...values);
      const all = changed() - before;
      // `changes()` does not count the rows that a trigger or a foreign key changed, but `total_changes()` does. A
      // statement that changes nothing leaves the old value of `changes()`, so it is compared only if rows were
      // changed.
      if (all > 0 && Number(connection.all("select changes() as n")[0]?.n) !== all) {
        throw new StoreRefusedError("failed", CHANGES_MORE);
      }
      return result;
    },
  };
}

const CHANGES_MORE =
  "A trigger or a foreign key in this database, which opencode did not make, would change other rows too. This change was not made.";

/** Wraps a connection so that expected failures are thrown as {@link StoreRefusedError}. */
function refusing(connection: Connection): Connection {
  return {
    all: (sql, ...values) => attempt(() => connection.all(sql, ...values)),
    run: (sql, ...values) => attempt(() => connection.run(sql, ...values)),
    exec: (sql) => attempt(() => connection.exec(sql)),
    close: () => connection.close(),
  };
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(error: unknown): unknown {
  switch (sqliteFailure(error)) {
    case "busy":
      return new StoreRefusedError("busy", BEING_WRITTEN);
    case "full":
      return new StoreRefusedError("failed", DISK_FULL);
    case "read-only":
      return new StoreRefusedError(
        "failed",
        "You may not write to the database. Nothing was lost. `opencode-session-repair check` says why, and names the command that helps.",
      );
    case "io":
      return new StoreRefusedError("failed", DISK_ERROR);
    case "malformed":
    case "not-a-database":
      return new StoreRefusedError("failed", "The database is damaged, so nothing is written to it.");
    case "cannot-open":
      return new StoreRefusedError("failed", "The database cannot be opened for writing.");
    case "other":
      return error;
  }
}
