import { looksLoadable } from "../../faults/quick-look.ts";
import type { ConfirmedFinding } from "../../repair/finding.ts";
import { inspect } from "../../repair/inspect.ts";
import type { SqliteStore } from "../../stores/sqlite/sqlite-store.ts";
import { noCounts, type Scope } from "../../stores/store.ts";

/** opencode's terminal UI loads the newest 100 messages of a session, and looks for one more. */
const NEWEST_MESSAGES = 101;

/** What is read while the terminal UI waits: about a tenth of a second's work. More is read while it shows something else. */
const LARGEST_LOOK = { records: 20_000, bytes: 32 * 1024 * 1024 } as const;

/**
 * What a look at a session says. `loads`: opencode can load it. `damaged`: it seems that it cannot. `long`: it holds more
 * than may be read while the terminal UI waits.
 */
export type Look = "loads" | "damaged" | "long";

/** Looks at a session in the moment in which the terminal UI opens it, before its messages are fetched. */
export class SessionGuard {
  readonly #store: SqliteStore;
  /** The state of the database in which a session was healthy. */
  readonly #healthyAt = new Map<string, number>();
  #letThrough: string | null = null;

  constructor(store: SqliteStore) {
    this.#store = store;
  }

  /** Looks at a session in advance, so that the first real look finds warm code and open pages. */
  async warmUp(): Promise<void> {
    const [newest] = await this.#store.sessions(null);
    if (newest !== undefined) this.#lookNow(newest.id);
  }

  /**
   * Looks at a session against everything that its host demands. Synchronous, since the slot that calls it is rendered
   * right before the fetch. "It loads" is remembered until the database changes: a slot is rendered several times.
   */
  look(sessionID: string): Look {
    if (this.#letThrough === sessionID) return "loads";
    this.#letThrough = null;
    const version = this.#store.dataVersion();
    if (this.#healthyAt.get(sessionID) === version) return "loads";
    const look = this.#lookNow(sessionID);
    if (look === "loads") this.#healthyAt.set(sessionID, version);
    return look;
  }

  /** Lets a session through, whatever a look says, until another one is opened: the thorough check found nothing. */
  letThrough(sessionID: string): void {
    this.#letThrough = sessionID;
  }

  #lookNow(sessionID: string): Look {
    const { records, bytes } = this.#store.sizeOf(sessionID, NEWEST_MESSAGES, LARGEST_LOOK.records);
    if (records >= LARGEST_LOOK.records || bytes > LARGEST_LOOK.bytes) return "long";
    let loads = true;
    this.#store.readAsHost(scopeOf(sessionID), (artifact, text, row) => {
      loads &&= looksLoadable(artifact, text, row, this.#store.description);
    });
    return loads ? "loads" : "damaged";
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
