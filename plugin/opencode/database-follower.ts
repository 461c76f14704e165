import { isSettled } from "../stores/json/file-states.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { NO_WAL, type WalPosition } from "../stores/sqlite/wal-frames.ts";
import type { ChangedRows, ChangedRowsReader } from "../stores/store.ts";
import { databaseFileState, type ValidatedMemory } from "./validated-memory.ts";

/** Follows writes to a database, so that only the written rows are checked again. */
export class DatabaseFollower {
  readonly #rows: ChangedRowsReader;
  readonly #path: string;
  #position: WalPosition | null = null;
  #version = -1;
  /**
   * The state of the database file at a moment when every record was checked or was being checked. Any later write to
   * the file changes its state.
   */
  #settledFile: string | null = null;

  /** `path`: the path of the database that holds the rows. */
  constructor(rows: ChangedRowsReader, path: string) {
    this.#rows = rows;
    this.#path = path;
  }

  /**
   * The rows that were written after an earlier start found the whole database healthy. Returns `"lost"` if it is
   * unknown which rows these are. If the database file is unchanged since then, all new rows are in the write-ahead log
   * (WAL).
   */
  resume(memory: ValidatedMemory): readonly string[] | "lost" {
    const known = memory.database(this.#path);
    if (known === null) return "lost";
    this.#version = this.#rows.dataVersion();
    const changed = this.#rows.changedSince(known.log, true);
    if (changed === "lost" || databaseFileState(this.#path)?.digest !== known.file) return "lost";
    this.#position = changed.position;
    this.#settledFile = known.file;
    return changed.rowIDs;
  }

  isFollowing(): boolean {
    return this.#position !== null;
  }

  /** Notes the present state of the database. Later writes are found by comparison with this state. */
  begin(): void {
    this.#version = this.#rows.dataVersion();
    const file = databaseFileState(this.#path);
    this.#settledFile = file !== null && isSettled(file, Date.now()) ? file.digest : null;
    const now = this.#rows.positionNow();
    this.#position = now === "lost" ? null : now;
  }

  /** Whether anything was written after the last check. The call takes microseconds. */
  hasNews(): boolean {
    return this.#rows.dataVersion() !== this.#version;
  }

  /**
   * The rows that were written after the last check, or `"lost"` if any row may have been written. The next call
   * returns only rows that are written after this call.
   */
  news(): readonly string[] | "lost" {
    if (!this.hasNews()) return [];
    // The state is read first, so that a write during the check is checked twice rather than never.
    const version = this.#rows.dataVersion();
    const changed = this.#position === null ? "lost" : this.#changedSince(this.#position);
    if (changed === "lost") {
      this.begin();
      return "lost";
    }
    this.#version = version;
    this.#position = changed.position;
    return changed.rowIDs;
  }

  /**
   * Asks SQLite to copy the WAL into the database file. opencode does the same whenever it opens a database, and no
   * other connection has to wait. After that, the next start can see that the file is unchanged, and need not check it
   * again. Returns `false` if some pages could not be copied.
   */
  async settle(): Promise<boolean> {
    const driver = await loadDriver();
    if (driver === null) return false;
    const connection = driver.open(this.#path, "write");
    try {
      const [done] = connection.all("pragma wal_checkpoint(passive)");
      return done !== undefined && done.busy === 0 && done.log === done.checkpointed;
    } finally {
      connection.close();
    }
  }

  /** Remembers that everything was healthy at the last check, if nothing was written after it. */
  remember(memory: ValidatedMemory): boolean {
    const now = Date.now();
    const file = databaseFileState(this.#path);
    if (file === null || this.#position === null || !isSettled(file, now) || this.hasNews()) return false;
    const changed = this.#rows.changedSince(this.#position, false);
    if (changed === "lost" || changed.position.frames !== this.#position.frames) return false;
    memory.learnDatabase(this.#path, { file: file.digest, log: this.#position });
    this.#settledFile = file.digest;
    return true;
  }

  /**
   * The rows that were written after this position of the WAL. After the WAL is copied into the database file, SQLite
   * writes the WAL again from its start. If that happens between two checks, rows may be overwritten before they are
   * seen. Only the state of the database file can show that this did not happen.
   */
  #changedSince(position: WalPosition): ChangedRows | "lost" {
    const changed = this.#rows.changedSince(position, false);
    // If there was no WAL at either check, rows may still have been written: a WAL may have existed between the checks,
    // or the database does not use a WAL.
    const isProved = changed !== "lost" && (position.salts !== NO_WAL.salts || changed.position.salts !== NO_WAL.salts);
    if (isProved) return changed;
    if (this.#settledFile === null) return "lost";
    const begunAnew = this.#rows.changedSince(position, true);
    // The state is read last, because it confirms the values that were read before.
    return databaseFileState(this.#path)?.digest === this.#settledFile ? begunAnew : "lost";
  }
}
