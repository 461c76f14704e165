import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makePrivateDirectory, PRIVATE_FILE } from "../platform/durable.ts";
import { errnoCode, type FileSystem } from "../platform/file-system.ts";
import { moveByLink, OccupiedError } from "../platform/move.ts";
import { thisProcess } from "../platform/process-identity.ts";
import {
  isAbandoned,
  isLapsed,
  LOCK_FILE,
  LOCK_TIMES,
  type LockContent,
  type LockHolder,
  type LockReading,
  type LockTimes,
  readLock,
  readToken,
  tokenOf,
} from "./lock-file.ts";
import { QUARANTINE } from "./places.ts";

/**
 * The right to change one data directory. The lock has one holder at a time, across processes, containers and machines.
 */
export interface RepairLock {
  /** Whether a process that is gone held the lock before. Its run may be unfinished. */
  readonly takenOver: boolean;
  /**
   * Whether the lock still belongs to this holder. Call this function before each change, because a process that slept
   * may have lost its lock.
   */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

export type LockResult =
  | { readonly ok: true; readonly lock: RepairLock }
  | { readonly ok: false; readonly holder: LockHolder | null };

/**
 * Takes the lock of a data directory, or says who holds it. The lock is taken over from a process that is gone. If the
 * holder cannot be seen here, the lock is taken over after {@link LockTimes.lapsedMs} without a renewal. This process
 * must also have seen the same lock for {@link LockTimes.watchedMs}, so such a takeover needs a second try.
 */
export async function takeLock(files: FileSystem, dataDir: string, times: LockTimes = LOCK_TIMES): Promise<LockResult> {
  const attempt = new LockAttempt(files, join(dataDir, QUARANTINE), times);
  for (let tries = 0; tries < 5; tries += 1) {
    try {
      await makePrivateDirectory(files, dataDir, QUARANTINE);
      if (await attempt.create(attempt.path)) return { ok: true, lock: await attempt.taken(false) };
      const holder = await readLock(files, attempt.path);
      if (holder === "absent") continue;
      if (!isAbandoned(holder) && !isSeenLapsed(attempt.path, holder, times)) {
        return { ok: false, holder: typeof holder === "string" ? null : holder };
      }
      if (await attempt.takeOver(attempt.path, holder)) return { ok: true, lock: await attempt.taken(true) };
    } catch (error) {
      // Another holder removed its empty folder between two steps.
      if (errnoCode(error) !== "ENOENT") throw error;
    }
  }
  const last = await readLock(files, attempt.path);
  return { ok: false, holder: typeof last === "string" ? null : last };
}

/** Whether further tries for {@link LockTimes.watchedMs} may end with a takeover of the lock. */
export function mayLapse(holder: LockHolder | null, times: LockTimes = LOCK_TIMES): boolean {
  return holder !== null && isLapsed(holder, times.lapsedMs);
}

/** The present lock of a data directory; `null` if there is none. Changes nothing. */
export async function lockOf(files: FileSystem, dataDir: string): Promise<LockReading | null> {
  const reading = await readLock(files, join(dataDir, QUARANTINE, LOCK_FILE));
  return reading === "absent" ? null : reading;
}

/**
 * Watches a holder that cannot be seen. `true` if the holder renews or releases its lock within {@link
 * LockTimes.watchedMs}.
 */
export async function isRenewed(
  files: FileSystem,
  dataDir: string,
  holder: LockHolder,
  times: LockTimes = LOCK_TIMES,
): Promise<boolean> {
  const until = performance.now() + times.watchedMs;
  do {
    await sleep(Math.min(WATCH_STEP_MS, times.watchedMs));
    const now = await lockOf(files, dataDir);
    if (now === null || typeof now === "string") return true;
    if (now.token !== holder.token || now.renewedMs !== holder.renewedMs) return true;
  } while (performance.now() < until);
  return false;
}

const WATCH_STEP_MS = 200;

/**
 * Removes a lock, unless its holder is seen to be alive. `false`: the lock changed meanwhile, or its holder is alive.
 * If the holder is alive but cannot be seen, it notices before its next change that the lock is gone.
 */
export async function endLock(files: FileSystem, dataDir: string, seen: LockReading): Promise<boolean> {
  if (typeof seen !== "string" && seen.standing === "alive") return false;
  const attempt = new LockAttempt(files, join(dataDir, QUARANTINE), LOCK_TIMES);
  await attempt.endClaim(seen);
  if (!(await attempt.takeOver(attempt.path, seen))) return false;
  await (await attempt.taken(true)).release();
  return true;
}

/** Locks that this process has seen expired, by path, with the time of the first sight. */
const seenLapsed = new Map<string, { readonly token: string; readonly renewedMs: number; readonly sinceMs: number }>();

function isSeenLapsed(path: string, reading: LockReading, { lapsedMs, watchedMs }: LockTimes): boolean {
  if (typeof reading === "string" || !isLapsed(reading, lapsedMs)) {
    seenLapsed.delete(path);
    return false;
  }
  const { token, renewedMs } = reading;
  const before = seenLapsed.get(path);
  if (before?.token === token && before.renewedMs === renewedMs) return performance.now() - before.sinceMs >= watchedMs;
  seenLapsed.set(path, { token, renewedMs, sinceMs: performance.now() });
  return false;
}

/** One process's attempt at the lock of one quarantine folder. */
class LockAttempt {
  readonly path: string;
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #times: LockTimes;
  readonly #token = randomBytes(12).toString("hex");

  constructor(files: FileSystem, folder: string, times: LockTimes) {
    this.#files = files;
    this.#folder = folder;
    this.#times = times;
    this.path = join(folder, LOCK_FILE);
  }

  /**
   * Creates the lock file of this process, unless there is one. The file is moved into place complete, so that no other
   * process sees it half written. Without hard links, the file cannot be moved into place like that.
   */
  async create(path: string): Promise<boolean> {
    try {
      const isMoved = await this.#place(async (aside) => (await moveByLink(this.#files, aside, path)) === "moved");
      return isMoved || (await this.#createInPlace(path));
    } catch (error) {
      if (error instanceof OccupiedError || errnoCode(error) === "EEXIST") return false;
      throw error;
    }
  }

  /**
   * In that case the file is created first, and written afterwards. A rename could replace the lock of another process
   * that has taken over this half-written lock in the meantime. If the write was slow, the claim that a takeover needs
   * shows whether the lock still belongs to this process.
   */
  async #createInPlace(path: string): Promise<boolean> {
    const began = moment();
    await this.#files.writeNew(path, this.#content(), PRIVATE_FILE);
    const isOurs = async () => (await readToken(this.#files, path)) === this.#token;
    const claim = this.#claimOn("torn");
    if (path === claim || since(began) <= this.#times.overdueMs) return isOurs();
    return this.#underClaim(claim, isOurs, async () => undefined);
  }

  /**
   * Replaces an abandoned or expired lock file with that of this process; `false` if another process is quicker. Only
   * the holder of the claim on that very file may replace it, so a fresh lock is never replaced. The claim is itself a
   * lock file, named after the lock file's token. A claim does not expire, because a process that stopped during a
   * takeover would continue it.
   */
  async takeOver(path: string, stale: LockReading): Promise<boolean> {
    const claim = this.#claimOn(stale);
    if (!(await this.create(claim))) {
      const other = await readLock(this.#files, claim);
      if (!isAbandoned(other) || path === claim || !(await this.takeOver(claim, other))) return false;
    }
    try {
      // The process that writes the file needs a moment, whichever clock its time comes from.
      if (stale === "torn") await sleep(TORN_LOOK_MS);
      const now = await readLock(this.#files, path);
      if (tokenOf(now) !== tokenOf(stale) || renewalOf(now) !== renewalOf(stale)) return false;
      return await this.#place(async (aside) => {
        await this.#files.rename(aside, path);
        return true;
      });
    } finally {
      await this.#files.unlink(claim).catch(() => undefined);
    }
  }

  /** Removes a claim on a lock, unless its owner is seen to be alive. */
  async endClaim(on: LockReading): Promise<void> {
    const claim = this.#claimOn(on);
    const found = await readLock(this.#files, claim);
    if (found === "absent" || (typeof found !== "string" && found.standing === "alive")) return;
    await this.#files.unlink(claim).catch(() => undefined);
  }

  /** The lock, which now belongs to this process. */
  async taken(takenOver: boolean): Promise<RepairLock> {
    const files = this.#files;
    seenLapsed.delete(this.path);
    await files.syncDirectory(this.#folder);
    let renewed = moment();
    let renewing: Promise<boolean> | null = null;
    const renew = (): Promise<boolean> => {
      renewing ??= this.#renew(since(renewed) > this.#times.overdueMs)
        .then((isOurs) => {
          if (isOurs) renewed = moment();
          return isOurs;
        })
        .finally(() => {
          renewing = null;
        });
      return renewing;
    };
    const isHeld = async () => {
      const isOurs = (await readToken(files, this.path)) === this.#token;
      return isOurs && since(renewed) > this.#times.overdueMs ? renew() : isOurs;
    };
    const timer = setInterval(() => void renew().catch(() => undefined), this.#times.renewEveryMs);
    timer.unref();
    const lock: RepairLock = {
      takenOver,
      isHeld,
      release: async () => {
        clearInterval(timer);
        await renewing?.catch(() => undefined);
        if (!(await isHeld())) return;
        await files.unlink(this.path);
        // This call fails, as intended, if the folder holds a run.
        await files.removeDirectory(this.#folder).catch(() => undefined);
      },
    };
    try {
      await this.#removeLeftovers();
    } catch (error) {
      await lock.release().catch(() => undefined);
      throw error;
    }
    return lock;
  }

  /**
   * Renews the lock of this process; `false` if the lock no longer belongs to it. A holder that is late renews the lock
   * under the claim on its own lock. A takeover needs the same claim, so one of the two processes notices the other.
   */
  async #renew(isOverdue: boolean): Promise<boolean> {
    const isOurs = async () => (await readToken(this.#files, this.path)) === this.#token;
    if (!isOverdue) {
      if (!(await isOurs())) return false;
      await this.#files.touch(this.path);
      return true;
    }
    const claim = join(this.#folder, `${LOCK_FILE}.claim-${this.#token}`);
    return this.#underClaim(claim, isOurs, () => this.#files.touch(this.path));
  }

  /**
   * Runs `work` under a claim that no other process can hold, if a lock file belongs to this process. Returns whether
   * it is.
   */
  async #underClaim(claim: string, isOurs: () => Promise<boolean>, work: () => Promise<void>): Promise<boolean> {
    for (let tries = 0; tries < CLAIM_TRIES; tries += 1) {
      if (!(await isOurs())) return false;
      if (await this.create(claim)) {
        try {
          if (!(await isOurs())) return false;
          await work();
          return true;
        } finally {
          await this.#files.unlink(claim).catch(() => undefined);
        }
      }
      await sleep(CLAIM_RETRY_MS);
    }
    return false;
  }

  #claimOn(reading: LockReading): string {
    return join(this.#folder, `${LOCK_FILE}.claim-${tokenOf(reading)}`);
  }

  #content(): Buffer {
    const content: LockContent = { token: this.#token, ...thisProcess(), since: new Date().toISOString() };
    return Buffer.from(JSON.stringify(content));
  }

  async #place(move: (aside: string) => Promise<boolean>): Promise<boolean> {
    const aside = `${this.path}.new-${this.#token}`;
    let placed = false;
    try {
      await this.#files.writeNew(aside, this.#content(), PRIVATE_FILE);
      placed = await move(aside);
    } finally {
      if (!placed) await this.#files.unlink(aside).catch(() => undefined);
    }
    return placed;
  }

  /** Removes files of attempts that crashed. These files do not affect a lock that this process holds. */
  async #removeLeftovers(): Promise<void> {
    for (const { name } of (await this.#files.list(this.#folder)) ?? []) {
      const path = join(this.#folder, name);
      if (!name.startsWith(`${LOCK_FILE}.`)) continue;
      const found = await readLock(this.#files, path);
      if (!isAbandoned(found) && !isLapsed(found, this.#times.lapsedMs)) continue;
      await this.#files.unlink(path).catch((error: unknown) => {
        if (errnoCode(error) !== "ENOENT") throw error;
      });
    }
  }
}

/** A lock file without valid content is watched for this time before it is taken over. */
const TORN_LOOK_MS = 300;

/** A takeover holds a claim for a few milliseconds. */
const CLAIM_TRIES = 50;
const CLAIM_RETRY_MS = 20;

function renewalOf(reading: LockReading): number | null {
  return typeof reading === "string" ? null : reading.renewedMs;
}

/** The time is taken from two clocks: one stops while the machine sleeps, the other may be changed. */
interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

function moment(): Moment {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

function since({ monotonicMs, wallMs }: Moment): number {
  return Math.max(performance.now() - monotonicMs, Date.now() - wallMs);
}
