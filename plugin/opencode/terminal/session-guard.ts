import { looksLoadable } from "../../faults/quick-look.ts";
import type { ConfirmedFinding } from "../../model/finding.ts";
import { byOrigin } from "../../repair/by-origin.ts";
import { inspectScope } from "../../repair/inspect-scope.ts";
import { writingRefusal } from "../../repair/origin-words.ts";
import type { Origin } from "../../stores/sqlite/origin.ts";
import { noCounts, type Scope, type SessionOpening, type Store } from "../../stores/store.ts";
import type { DatabaseFollower } from "../database-follower.ts";

/** opencode's terminal UI loads the newest 100 messages of a session, and looks for one more. */
const NEWEST_MESSAGES = 101;

interface Size {
  readonly records: number;
  readonly bytes: number;
}

/** What is read while the terminal UI waits: about a tenth of a second's work. More is read while it shows something else. */
const LARGEST_LOOK: Size = { records: 20_000, bytes: 32 * 1024 * 1024 };

/** The sessions of subagents are looked at for so long, in milliseconds, where none was in advance. */
const SUBAGENTS_MS = 30;

/** What is read in advance, of one session: about a hundredth of a second's work. */
const LARGEST_LOOK_AHEAD: Size = { records: 8_000, bytes: 8 * 1024 * 1024 };

/** As many sessions are looked at in advance, the most recently used ones. */
const LOOKED_AHEAD = 100;

/** Between two looks in advance, and between two questions whether anything was written, in milliseconds. */
const LOOK_AHEAD_MS = 100;
const NEWS_MS = 500;

/** All of that takes no more than this share of the terminal UI's time. */
const SHARE = 0.05;

/**
 * What a look at a session says. `loads`: opencode can load it. `damaged`: it seems that it cannot. `long`: it holds more
 * than may be read while the terminal UI waits.
 */
export type Look = "loads" | "damaged" | "long";

/** A database that is open for looks at single sessions. */
export interface GuardedStore {
  readonly store: Store;
  readonly opening: SessionOpening;
  readonly follower: DatabaseFollower;
  readonly origin: Origin;
}

/** Looks at a session in the moment in which the terminal UI opens it, before its messages are fetched. */
export class SessionGuard {
  readonly #store: Store;
  readonly #opening: SessionOpening;
  readonly #origin: Origin;
  readonly #follower: DatabaseFollower;
  /** What was found healthy, for as long as what is written stays healthy too. */
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
   * Looks at the most recently used sessions in advance, one at a time and not too large ones, and from then on at what
   * is written: opening a session then costs next to nothing.
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
        // What cannot be read now is looked at as it is opened.
      }
      this.#lookAheadLater(performance.now() - start);
    };
    this.#timer = setTimeout(step, Math.max(this.#ahead.length > 0 ? LOOK_AHEAD_MS : NEWS_MS, took / SHARE));
    this.#timer.unref?.();
  }

  /**
   * Looks at a session against everything that its host demands, and at those of its subagents, which opencode fetches
   * as soon as it shows where they were called. Synchronous, since opencode calls right before the fetch.
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
      // The others are looked at as they are opened themselves.
      if (performance.now() > until) break;
    }
    return "loads";
  }

  /** Lets a session through, whatever a look says, until another one is opened: the thorough check found nothing. */
  letThrough(sessionID: string): void {
    this.#letThrough = sessionID;
  }

  #lookOrRemember(sessionID: string): Look {
    return this.#healthy.has(sessionID) ? "loads" : this.#lookAt(sessionID, LARGEST_LOOK);
  }

  /** What was found healthy still is, as long as every row that was written since can be loaded. */
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

  /** What keeps a session, or one of its subagents', from being opened. */
  async damageOf(sessionID: string): Promise<ConfirmedFinding[]> {
    const found: ConfirmedFinding[] = [];
    for (const id of [sessionID, ...this.#opening.subagentSessions(sessionID)]) {
      if (!this.#healthy.has(id)) found.push(...(await this.#blocking(scopeOf(id))));
    }
    return found;
  }

  /** What keeps session lists from loading. */
  damagedLists(): Promise<ConfirmedFinding[]> {
    return this.#blocking({ what: "list", projectID: null });
  }

  async #blocking(scope: Scope): Promise<ConfirmedFinding[]> {
    const found = await inspectScope(this.#store, scope, { concurrency: 1, counts: noCounts(), storeIndex: 0 });
    const { running } = this.#store.description;
    return byOrigin(this.#origin, found, running).filter((finding) => finding.severity === "blocking");
  }

  /** Why nothing is written to the database; `null` where it may be. */
  get refusal(): string | null {
    return writingRefusal(this.#origin);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#store.close();
  }
}

function scopeOf(sessionID: string): Scope {
  return { what: "session", sessionID, newestMessages: NEWEST_MESSAGES };
}
