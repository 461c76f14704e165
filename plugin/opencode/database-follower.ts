import { isSettled } from "../stores/json/file-states.ts";
import { loadDriver } from "../stores/sqlite/driver.ts";
import { NO_WAL, type WalPosition } from "../stores/sqlite/wal-frames.ts";
import type { ChangedRows, ChangedRowsReader } from "../stores/store.ts";
import { databaseFileState, type ValidatedMemory } from "./validated-memory.ts";

/** Follows what is written to a database, so that only that is checked again. */
export class DatabaseFollower {
  readonly #rows: ChangedRowsReader;
  readonly #path: string;
  #position: WalPosition | null = null;
  #version = -1;
  /** A state of the database file in which all that it holds was, or is being, looked at; any later write changes it. */
  #settledFile: string | null = null;

  /** `path`: of the database that the rows are of. */
  constructor(rows: ChangedRowsReader, path: string) {
    this.#rows = rows;
    this.#path = path;
  }

  /**
   * The rows that were written since all of the database was found healthy, or `"lost"`. Proof that no others were: the
   * database file has not been written to since, so whatever is new is in the log.
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

  /** Follows from now on. */
  begin(): void {
    this.#version = this.#rows.dataVersion();
    const file = databaseFileState(this.#path);
    this.#settledFile = file !== null && isSettled(file, Date.now()) ? file.digest : null;
    const now = this.#rows.positionNow();
    this.#position = now === "lost" ? null : now;
  }

  /** Whether anything was written since the last look; costs microseconds. */
  hasNews(): boolean {
    return this.#rows.dataVersion() !== this.#version;
  }

  /** The rows that were written since the last look, or `"lost"` where any may have been; follows from now on. */
  news(): readonly string[] | "lost" {
    if (!this.hasNews()) return [];
    // Noted first: what is written meanwhile is looked at twice rather than never.
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
   * Has SQLite copy the log into the database, as every opencode does when it opens it: only then the file stays as it
   * is when the next one starts, which is the proof that it needs. Blocks nobody. `false` where not all could be copied.
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

  /** Remembers that everything up to the last look was healthy, where nothing was written since. */
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

  /** After a quiet time the log starts over. Only the database file can prove that nothing came and went before. */
  #changedSince(position: WalPosition): ChangedRows | "lost" {
    const changed = this.#rows.changedSince(position, false);
    // No log before and none now proves nothing: one may have come and gone, or the database has no use for one.
    const isProved = changed !== "lost" && (position.salts !== NO_WAL.salts || changed.position.salts !== NO_WAL.salts);
    if (isProved) return changed;
    if (this.#settledFile === null) return "lost";
    const begunAnew = this.#rows.changedSince(position, true);
    // Looked at last: it proves what was read before.
    return databaseFileState(this.#path)?.digest === this.#settledFile ? begunAnew : "lost";
  }
}
