import { looksLoadable } from "../../faults/quick-look.ts";
import type { ConfirmedFinding } from "../../model/finding.ts";
import type { Origin } from "../../model/origin.ts";
import { noCounts, type Scope, type SessionOpening, type Store } from "../../stores/store.ts";
import type { DatabaseFollower } from "../database-follower.ts";

/** opencode's terminal UI loads the newest 100 messages of a session, and checks for one more. */
const NEWEST_MESSAGES = 101;

interface Size {
  readonly records: number;
  readonly bytes: number;
}

/**
 * The largest amount that is read while the terminal UI waits, about a tenth of a second's work. Larger amounts are
 * read while the terminal UI shows another screen.
 */
const LARGEST_LOOK: Size = { records: 20_000, bytes: 32 * 1024 * 1024 };

/** The time for checking the sessions of subagents, in milliseconds, if none of them was checked in advance. */
const SUBAGENTS_MS = 30;

/** The largest amount of one session that is read in advance, about a hundredth of a second's work. */
const LARGEST_LOOK_AHEAD: Size = { records: 8_000, bytes: 8 * 1024 * 1024 };

/** The number of sessions that are checked in advance, the most recently used ones. */
const LOOKED_AHEAD = 100;

/** The time between two checks in advance, and between two looks for new writes, in milliseconds. */
const LOOK_AHEAD_MS = 100;
const NEWS_MS = 500;

/** All of these checks use at most this share of the terminal UI's time. */
const SHARE = 0.05;

/**
 * The result of the quick check of a session. `loads`: opencode can load it. `damaged`: opencode probably cannot.
 * `long`: the session is too large to be read while the terminal UI waits.
 */
export type Look = "loads" | "damaged" | "long";

/** A database that is open for quick checks of single sessions. */
export interface GuardedStore {
  readonly store: Store;
  readonly opening: SessionOpening;
  readonly follower: DatabaseFollower;
  readonly origin: Origin;
}

/** Checks a session when the terminal UI opens it, before the messages are fetched. */
export class SessionGuard {
  readonly #store: Store;
  readonly #opening: SessionOpening;
  readonly #origin: Origin;
  readonly #follower: DatabaseFollower;
  /** The sessions that were found healthy. The sessions stay listed as long as all new rows are healthy too. */
  readonly #healthy = new Set<string>();
  #ahead: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #letThrough: string | null = null;

  constructor({ store, opening, follower, origin }: GuardedStore) {
    this.#store = store;
    this.#opening = opening;
    this.#follower = follower;
    this.#origin = origin;
  }

  /**
   * Checks the most recently used sessions in advance, one at a time and only short ones, and then all new rows. A
   * session that was checked in advance opens almost without delay.
   */
  async lookAhead(): Promise<void> {
    this.#ahead = (await this.#store.sessions(null)).slice(0, LOOKED_AHEAD).map(({ id }) => id);
    this.#lookAheadLater();
  }

  #lookAheadLater(took = 0): void {
    const step = () => {
      const start = performance.now();
      try {
        if (!this.#follower.isFollowing()) this.#follower.begin();
        this.#takeNotice();
        const next = this.#ahead.shift();
        if (next !== undefined && !this.#healthy.has(next)) this.#lookAt(next, LARGEST_LOOK_AHEAD);
      } catch {
        // A session that cannot be read now is checked when it is opened.
      }
      this.#lookAheadLater(performance.now() - start);
    };
    this.#timer = setTimeout(step, Math.max(this.#ahead.length > 0 ? LOOK_AHEAD_MS : NEWS_MS, took / SHARE));
    this.#timer.unref?.();
  }

  /**
   * Checks a session against all rules of its host, and the sessions of its subagents. opencode fetches those as soon
   * as it shows the call. The check is synchronous, because opencode calls it right before the fetch.
   */
  look(sessionID: string): Look {
    if (this.#letThrough === sessionID) return "loads";
    this.#letThrough = null;
    this.#takeNotice();
    const look = this.#lookOrRemember(sessionID);
    if (look !== "loads") return look;
    const until = performance.now() + SUBAGENTS_MS;
    for (const id of this.#opening.subagentSessions(sessionID)) {
      if (this.#lookOrRemember(id) === "damaged") return "damaged";
      // The other sessions are checked when they are opened themselves.
      if (performance.now() > until) break;
    }
    return "loads";
  }

  /**
   * Lets a session open without another quick check until the user opens a different one, because the thorough check
   * found nothing.
   */
  letThrough(sessionID: string): void {
    this.#letThrough = sessionID;
  }

  #lookOrRemember(sessionID: string): Look {
    return this.#healthy.has(sessionID) ? "loads" : this.#lookAt(sessionID, LARGEST_LOOK);
  }

  /** Healthy sessions stay healthy as long as every new row can be loaded. */
  #takeNotice(): void {
    if (this.#follower.isFollowing() && !this.#follower.hasNews()) return;
    const rowIDs = this.#follower.isFollowing() ? this.#follower.news() : "lost";
    if (rowIDs !== "lost" && this.#loads({ what: "rows", rowIDs })) return;
    this.#ahead = [...this.#healthy];
    this.#healthy.clear();
  }

  #lookAt(sessionID: string, largest: Size): Look {
    const { records, bytes } = this.#opening.sizeOf(sessionID, NEWEST_MESSAGES, largest.records);
    if (records >= largest.records || bytes > largest.bytes) return "long";
    if (!this.#loads(scopeOf(sessionID))) return "damaged";
    this.#healthy.add(sessionID);
    return "loads";
  }

  #loads(scope: Scope): boolean {
    let loads = true;
    this.#opening.readAsHost(scope, (artifact, text, row) => {
      loads &&= looksLoadable(artifact, text, row, this.#store.description);
    });
    return loads;
  }

  /** The findings because of which a session, or a session of its subagents, does not open. */
  async damageOf(sessionID: string): Promise<ConfirmedFinding[]> {
    const found: ConfirmedFinding[] = [];
    for (const id of [sessionID, ...this.#opening.subagentSessions(sessionID)]) {
      if (!this.#healthy.has(id)) found.push(...(await this.#blocking(scopeOf(id))));
    }
    return found;
  }

  /** The findings because of which session lists do not load. */
  damagedLists(): Promise<ConfirmedFinding[]> {
    return this.#blocking({ what: "list", projectID: null });
  }

  async #blocking(scope: Scope): Promise<ConfirmedFinding[]> {
    const [{ inspectScope }, { byOrigin }] = await loadInspection();
    const found = await inspectScope(this.#store, scope, { concurrency: 1, counts: noCounts(), storeIndex: 0 });
    const { running } = this.#store.description;
    return byOrigin(this.#origin, found, running).filter((finding) => finding.severity === "blocking");
  }

  /** Which opencode wrote the database. */
  get origin(): Origin {
    return this.#origin;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#store.close();
  }
}

/** Loads the thorough check. Most starts do not need it. */
export function loadInspection() {
  return Promise.all([import("../../repair/inspect-scope.ts"), import("../../repair/by-origin.ts")]);
}

function scopeOf(sessionID: string): Scope {
  return { what: "session", sessionID, newestMessages: NEWEST_MESSAGES };
}
