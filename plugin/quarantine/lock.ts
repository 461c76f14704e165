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

/** The right to change one data directory. Only one process holds it at a time, across containers and machines. */
export interface RepairLock {
  /** Whether the lock was taken over from a process that is gone. That process may have left an unfinished repair. */
  readonly takenOver: boolean;
  /**
   * Whether the lock still belongs to this process. Call this function before each change: while this process slept,
   * another process may have taken the lock over.
   */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

export type LockResult =
  | { readonly ok: true; readonly lock: RepairLock }
  | { readonly ok: false; readonly holder: LockHolder | null };

/**
 * Takes the lock of a data directory, or returns the process that holds it. The lock of a process that is gone is taken
 * over at once.
 * If it is unknown whether the holder still runs, the lock must not have been renewed for {@link LockTimes.lapsedMs}.
 * This process must also have watched that lock for {@link LockTimes.watchedMs}. So such a takeover needs a second
 * call.
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
      // Another process released its lock, and removed the empty quarantine folder between two steps of this loop.
      if (errnoCode(error) !== "ENOENT") throw error;
    }
  }
  const last = await readLock(files, attempt.path);
  return { ok: false, holder: typeof last === "string" ? null : last };
}

/**
 * Whether the lock may be free after {@link LockTimes.watchedMs}: until now it was not renewed, so this process may
 * then take it over.
 */
export function mayLapse(holder: LockHolder | null, times: LockTimes = LOCK_TIMES): boolean {
  return holder !== null && isLapsed(holder, times.lapsedMs);
}

/** The present lock of a data directory; `null` if there is no lock file. Changes nothing. */
export async function lockOf(files: FileSystem, dataDir: string): Promise<LockReading | null> {
  const reading = await readLock(files, join(dataDir, QUARANTINE, LOCK_FILE));
  return reading === "absent" ? null : reading;
}

/**
 * Watches the lock of a process in another container or on another machine. Returns `true` if the lock is renewed or
 * released within {@link LockTimes.watchedMs}.
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
 * Removes the lock file, unless the process that wrote it is seen to run. Returns `false` if that process runs, or if
 * the lock changed in the meantime. A holder that runs in another container or on another machine notices before its
 * next change that the lock is gone.
 */
export async function endLock(files: FileSystem, dataDir: string, seen: LockReading): Promise<boolean> {
  if (typeof seen !== "string" && seen.standing === "alive") return false;
  const attempt = new LockAttempt(files, join(dataDir, QUARANTINE), LOCK_TIMES);
  await attempt.endClaim(seen);
  if (!(await attempt.takeOver(attempt.path, seen))) return false;
  await (await attempt.taken(true)).release();
  return true;
}

/** The locks that were not renewed in time, by path, with the time at which this process first noticed that. */
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

/** The attempt of this process to get the lock of one quarantine folder. */
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
   * Creates the lock file of this process; `false` if there is a lock file already. A complete file is moved into place
   * by a hard link, so that no other process sees a half-written lock. On a file system without hard links, {@link
   * #createInPlace} is used.
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
   * Creates the lock file first, and writes its content afterwards, for file systems without hard links. A rename would
   * not be safe: it could replace the lock of another process. If the write was slow, another process may have taken
   * over the half-written lock. The claim that every takeover needs shows whether that happened.
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
   * Replaces an abandoned or expired lock file with the lock of this process; `false` if another process was quicker.
   * Only the holder of the claim on that lock file may replace it, so a fresh lock is never replaced. The claim is a
   * lock file too, and its name contains the token of the lock. A claim never expires, because a process that was
   * stopped during a takeover would continue the takeover when it wakes.
   */
  async takeOver(path: string, stale: LockReading): Promise<boolean> {
    const claim = this.#claimOn(stale);
    if (!(await this.create(claim))) {
      const other = await readLock(this.#files, claim);
      if (!isAbandoned(other) || path === claim || !(await this.takeOver(claim, other))) return false;
    }
    try {
      // A live process may be writing this incomplete file at the moment, so it gets time to finish.
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

  /** Removes the claim on a lock, unless the process that owns the claim is seen to run. */
  async endClaim(on: LockReading): Promise<void> {
    const claim = this.#claimOn(on);
    const found = await readLock(this.#files, claim);
    if (found === "absent" || (typeof found !== "string" && found.standing === "alive")) return;
    await this.#files.unlink(claim).catch(() => undefined);
  }

  /** Makes the lock object after this process has got the lock. From now on, the lock file is renewed at intervals. */
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
        // The quarantine folder is removed only if it is empty: this call fails if the folder holds a repair.
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
   * Renews the lock of this process; `false` if the lock belongs to another process now. A late renewal is done under
   * the claim on the lock. A takeover needs the same claim, so one of the two processes notices the other.
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
   * Runs `work` while this process holds the claim, so no other process can take the lock over meanwhile. Returns
   * `false` and does not run `work` if the lock does not belong to this process, or if another process keeps the claim.
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

  /** Removes the temporary lock files and claims that crashed processes left in the quarantine folder. */
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

/** How long a takeover waits to see whether a lock file without valid content is still being written. */
const TORN_LOOK_MS = 300;

/** How often, and when, this process tries to get a claim. Others hold a claim for a few milliseconds only. */
const CLAIM_TRIES = 50;
const CLAIM_RETRY_MS = 20;

function renewalOf(reading: LockReading): number | null {
  return typeof reading === "string" ? null : reading.renewedMs;
}

/** A point in time, by two clocks: the monotonic one may stop while the machine sleeps, the other may be changed. */
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
