import { looksLoadable } from "../../faults/quick-look.ts";
import type { ConfirmedFinding } from "../../repair/finding.ts";
import { inspect } from "../../repair/inspect.ts";
import type { SqliteStore } from "../../stores/sqlite/sqlite-store.ts";
import { noCounts, type Scope } from "../../stores/store.ts";

/** opencode's terminal UI loads the newest 100 messages of a session, and looks for one more. */
const NEWEST_MESSAGES = 101;

/** Records are read for this long, in milliseconds; of a session that is not through by then, SQLite looks at the rest. */
const READING_MS = 10;

/** A session that was let through is not looked at again while opencode opens it, in milliseconds. */
const PASS_MS = 3000;

/** Looks at a session in the moment in which the terminal UI opens it, before its messages are fetched. */
export class SessionGuard {
  readonly #store: SqliteStore;
  /** The state of the database in which a session was healthy. */
  readonly #healthyAt = new Map<string, number>();
  readonly #passes = new Map<string, number>();

  constructor(store: SqliteStore) {
    this.#store = store;
  }

  /** Looks at a session in advance, so that the first real look finds warm code and open pages. */
  async warmUp(): Promise<void> {
    const [newest] = await this.#store.sessions(null);
    if (newest !== undefined) this.#seemsHealthy(newest.id);
  }

  /**
   * Whether opencode seems to be unable to load a session. Synchronous, since the slot that calls it is rendered right
   * before the fetch. "No" is remembered until the database changes: a slot is rendered several times. In a session of
   * thousands of parts only the first ones are held against everything that a host demands, the others against JSON.
   */
  seemsDamaged(sessionID: string): boolean {
    if ((this.#passes.get(sessionID) ?? 0) > performance.now()) return false;
    const version = this.#store.dataVersion();
    if (this.#healthyAt.get(sessionID) === version) return false;
    if (!this.#seemsHealthy(sessionID)) return true;
    this.#healthyAt.set(sessionID, version);
    return false;
  }

  /** Lets a session through for now whatever it looks like: what seemed damaged loads. */
  letPass(sessionID: string): void {
    this.#passes.set(sessionID, performance.now() + PASS_MS);
  }

  #seemsHealthy(sessionID: string): boolean {
    const until = performance.now() + READING_MS;
    let healthy = true;
    const isThrough = this.#store.scanNow(
      scopeOf(sessionID),
      (artifact, text, row) => {
        healthy &&= looksLoadable(artifact, text, row, this.#store.description);
      },
      noCounts(),
      () => performance.now() > until,
    );
    return healthy && (isThrough || !this.#store.isRefusedBySqlite(sessionID, NEWEST_MESSAGES));
  }

  /** What keeps a session from being opened. */
  damageOf(sessionID: string): Promise<ConfirmedFinding[]> {
    return this.#blocking(scopeOf(sessionID));
  }

  /** What keeps session lists from loading. */
  damagedLists(): Promise<ConfirmedFinding[]> {
    return this.#blocking({ what: "list", projectID: null });
  }

  async #blocking(scope: Scope): Promise<ConfirmedFinding[]> {
    const found = await inspect(this.#store, scope, { concurrency: 1, counts: noCounts(), storeIndex: 0 });
    return found.filter((finding) => finding.severity === "blocking");
  }

  close(): void {
    this.#store.close();
  }
}

function scopeOf(sessionID: string): Scope {
  return { what: "session", sessionID, newestMessages: NEWEST_MESSAGES };
}
