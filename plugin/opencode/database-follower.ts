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
   * A state of the database file in which everything in it was checked or is being checked. Any later write changes
   * this state.
   */
  #settledFile: string | null = null;

  /** `path`: the path of the database that holds the rows. */
  constructor(rows: ChangedRowsReader, path: string) {
    this.#rows = rows;
    this.#path = path;
  }

  /**
   * The rows that were written since the whole database was found healthy, or `"lost"`. The proof that there are no
   * others: the database file was not written since, so everything new is in the log.
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

  /** Whether anything was written since the last check; takes microseconds. */
  hasNews(): boolean {
    return this.#rows.dataVersion() !== this.#version;
  }

  /**
   * The rows that were written since the last check, or `"lost"` if any row may have been. Following continues from
   * here.
   */
  news(): readonly string[] | "lost" {
    if (!this.hasNews()) return [];
    // Read first, so that a write during the check is checked twice rather than never.
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
   * Asks SQLite to copy the log into the database, as every opencode does when it opens one. Only then does the next
   * start leave the file unchanged, which is the proof that it needs. Blocks nobody. `false` if not everything could be
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

  /** Remembers that everything up to the last check was healthy, if nothing was written since. */
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

  /** After a quiet time the log starts over. Only the database file can prove that no generation was missed. */
  #changedSince(position: WalPosition): ChangedRows | "lost" {
    const changed = this.#rows.changedSince(position, false);
    // Two checks without a log prove nothing: a log may have come and gone in between, or the database uses none.
    const isProved = changed !== "lost" && (position.salts !== NO_WAL.salts || changed.position.salts !== NO_WAL.salts);
    if (isProved) return changed;
    if (this.#settledFile === null) return "lost";
    const begunAnew = this.#rows.changedSince(position, true);
    // Read last, because it proves what was read before.
    return databaseFileState(this.#path)?.digest === this.#settledFile ? begunAnew : "lost";
  }
}
