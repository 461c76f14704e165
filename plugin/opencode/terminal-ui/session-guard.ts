import { looksLoadable } from "../../faults/quick-look.ts";
import type { ConfirmedFinding } from "../../model/finding.ts";
import type { Origin } from "../../model/origin.ts";
import { noCounts, type Scope, type SessionOpening, type Store } from "../../stores/store.ts";
import type { DatabaseFollower } from "../database-follower.ts";

/**
 * opencode's terminal UI loads the newest 100 messages of a session, and one more to see whether there are older ones.
 */
const NEWEST_MESSAGES = 101;

interface Size {
  readonly records: number;
  readonly bytes: number;
}

/**
 * A session up to this size is checked while the terminal UI waits, which takes about a tenth of a second. A larger
 * session is checked while the terminal UI shows another screen.
 */
const LARGEST_LOOK: Size = { records: 20_000, bytes: 32 * 1024 * 1024 };

/** The checks of subagents' sessions that were not checked in advance may take this long, in milliseconds. */
const SUBAGENTS_MS = 30;

/** Only sessions up to this size are checked in advance. One such check takes about a hundredth of a second. */
const LARGEST_LOOK_AHEAD: Size = { records: 8_000, bytes: 8 * 1024 * 1024 };

/** This many sessions are checked in advance, the most recently used first. */
const LOOKED_AHEAD = 100;

/** The pause between two checks in advance, and between two looks for new writes, in milliseconds. */
const LOOK_AHEAD_MS = 100;
const NEWS_MS = 500;

/** The checks in advance use at most this share of the terminal UI's time. */
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
  /**
   * The sessions that were found healthy. A session stays in this set as long as all new rows of the database are
   * healthy too.
   */
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
   * Checks the most recently used sessions in advance, one at a time and only short ones. After that, it checks all new
   * rows. A session that was checked in advance opens almost without delay.
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
   * Checks a session by all rules of its opencode, and then the sessions of its subagents, because opencode fetches
   * them as soon as it shows their calls. The check is synchronous, because opencode calls it right before it fetches
   * the messages.
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
      // The time is used up. The other sessions of subagents are checked when the user opens them.
      if (performance.now() > until) break;
    }
    return "loads";
  }

  /**
   * Lets a session open without another quick check, because the thorough check found nothing. This ends when the user
   * opens a different session.
   */
  letThrough(sessionID: string): void {
    this.#letThrough = sessionID;
  }

  #lookOrRemember(sessionID: string): Look {
    return this.#healthy.has(sessionID) ? "loads" : this.#lookAt(sessionID, LARGEST_LOOK);
  }

  /** Checks the new rows of the database. If one of them cannot be loaded, no session counts as healthy any more. */
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

  /** The findings that keep opencode from opening a session or a session of its subagents. */
  async damageOf(sessionID: string): Promise<ConfirmedFinding[]> {
    const found: ConfirmedFinding[] = [];
    for (const id of [sessionID, ...this.#opening.subagentSessions(sessionID)]) {
      if (!this.#healthy.has(id)) found.push(...(await this.#blocking(scopeOf(id))));
    }
    return found;
  }

  /** The findings that keep session lists from loading. */
  damagedLists(): Promise<ConfirmedFinding[]> {
    return this.#blocking({ what: "list", projectID: null });
  }

  async #blocking(scope: Scope): Promise<ConfirmedFinding[]> {
    const [{ inspectScope }, { byOrigin }] = await loadInspection();
    const found = await inspectScope(this.#store, scope, { concurrency: 1, counts: noCounts(), storeIndex: 0 });
    const { running } = this.#store.description;
    return byOrigin(this.#origin, found, running).filter((finding) => finding.severity === "blocking");
  }

  /** Which opencode the database belongs to. */
  get origin(): Origin {
    return this.#origin;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#store.close();
  }
}

/** Loads the code of the thorough check on demand, because most starts do not need it. */
export function loadInspection() {
  return Promise.all([import("../../repair/inspect-scope.ts"), import("../../repair/by-origin.ts")]);
}

function scopeOf(sessionID: string): Scope {
  return { what: "session", sessionID, newestMessages: NEWEST_MESSAGES };
}
