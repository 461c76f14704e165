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
   * A state of the database file in which every record was checked or is being checked. Any later write changes this
   * state.
   */
  #settledFile: string | null = null;

  /** `path`: the path of the database that holds the rows. */
  constructor(rows: ChangedRowsReader, path: string) {
    this.#rows = rows;
    this.#path = path;
  }

  /**
   * The rows that were written after the whole database was found healthy, or `"lost"`. If the database file itself was
   * not written since then, all new rows are in the log.
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

  /** Starts to follow the database. */
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
   * The rows that were written after the last check, or `"lost"` if any row may have been written. Following continues
   * from here.
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
   * Asks SQLite to copy the log into the database, as every opencode does when it opens one. Only then the next start
   * finds the file unchanged, and can trust the earlier check. Blocks nobody. `false` if some pages could not be
   * copied.
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
   * After a time without writes, the log starts over. Only the database file can show that no generation of the log was
   * missed.
   */
  #changedSince(position: WalPosition): ChangedRows | "lost" {
    const changed = this.#rows.changedSince(position, false);
    // Two checks without a log prove nothing: a log may have existed in between, or the database uses none.
    const isProved = changed !== "lost" && (position.salts !== NO_WAL.salts || changed.position.salts !== NO_WAL.salts);
    if (isProved) return changed;
    if (this.#settledFile === null) return "lost";
    const begunAnew = this.#rows.changedSince(position, true);
    // The state is read last, because it confirms the values that were read before.
    return databaseFileState(this.#path)?.digest === this.#settledFile ? begunAnew : "lost";
  }
}
