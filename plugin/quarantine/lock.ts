import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { makePrivateDirectory, PRIVATE_FILE } from "../files/durable.ts";
import { errnoCode, type FileSystem } from "../files/file-system.ts";
import { moveNoClobber, OccupiedError } from "../files/move.ts";
import { isGone, type ProcessIdentity, thisProcess } from "../files/process-identity.ts";
import { QUARANTINE } from "./places.ts";

const LOCK_FILE = ".lock";

const lockSchema = z.object({
  token: z.string().regex(/^[0-9a-f]{24}$/),
  pid: z.int().positive(),
  host: z.string(),
  started: z.string().nullable(),
  since: z.string(),
});

type LockContent = z.infer<typeof lockSchema>;

/** The right to change one data directory. One holder at a time, across processes. */
export interface RepairLock {
  /** Whether a dead process held it before: its run may be unfinished. */
  readonly takenOver: boolean;
  /** Whether it is still this holder's. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

export type LockResult =
  | { readonly ok: true; readonly lock: RepairLock }
  | { readonly ok: false; readonly holder: ProcessIdentity | null };

/** What a lock file says. One that says nothing was torn by a crash; a live writer needs milliseconds. */
type LockReading = LockContent | "absent" | "torn" | "being-written";

const TORN_AFTER_MS = 10_000;

async function readLock(files: FileSystem, path: string): Promise<LockReading> {
  const bytes = await files.read(path, 4096);
  if (bytes === "absent") return "absent";
  try {
    return lockSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch {
    const found = await files.stat(path);
    if (found === null) return "absent";
    return Date.now() - found.mtimeMs > TORN_AFTER_MS ? "torn" : "being-written";
  }
}

/** Names one state of a lock file, for the claims on it. */
function tokenOf(reading: LockReading): string {
  return typeof reading === "string" ? reading : reading.token;
}

function isStale(reading: LockReading): boolean {
  return typeof reading === "string" ? reading === "torn" : isGone(reading);
}

/** Takes the lock of a data directory, or says who holds it. The lock of a process that is gone is taken over. */
export async function takeLock(files: FileSystem, dataDir: string): Promise<LockResult> {
  const attempt = new LockAttempt(files, join(dataDir, QUARANTINE));
  for (let tries = 0; tries < 5; tries += 1) {
    try {
      await makePrivateDirectory(files, dataDir, QUARANTINE);
      if (await attempt.create(attempt.path)) return { ok: true, lock: await attempt.taken(false) };
      const holder = await readLock(files, attempt.path);
      if (holder === "absent") continue;
      if (!isStale(holder)) return { ok: false, holder: typeof holder === "string" ? null : holder };
      if (await attempt.takeOver(attempt.path, holder)) return { ok: true, lock: await attempt.taken(true) };
    } catch (error) {
      // A holder that left nothing behind removed the folder between two steps.
      if (errnoCode(error) !== "ENOENT") throw error;
    }
  }
  return { ok: false, holder: null };
}

/** One process's attempt at the lock of one quarantine folder. */
class LockAttempt {
  readonly path: string;
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #token = randomBytes(12).toString("hex");

  constructor(files: FileSystem, folder: string) {
    this.#files = files;
    this.#folder = folder;
    this.path = join(folder, LOCK_FILE);
  }

  /** Creates a lock file of ours, unless there is one. Moved into place: it is never seen half written. */
  async create(path: string): Promise<boolean> {
    return this.#place(async (aside) => {
      try {
        await moveNoClobber(this.#files, aside, path);
        return true;
      } catch (error) {
        if (error instanceof OccupiedError) return false;
        throw error;
      }
    });
  }

  /**
   * Replaces the lock file of a dead process by ours; `false` where another process is quicker. Only who holds the claim
   * on that very file, itself a lock file named after its token, may replace it: a fresh lock is never moved away.
   */
  async takeOver(path: string, stale: LockReading): Promise<boolean> {
    const claim = join(this.#folder, `${LOCK_FILE}.claim-${tokenOf(stale)}`);
    if (!(await this.create(claim))) {
      const other = await readLock(this.#files, claim);
      if (!isStale(other) || path === claim || !(await this.takeOver(claim, other))) return false;
    }
    try {
      if (tokenOf(await readLock(this.#files, path)) !== tokenOf(stale)) return false;
      return await this.#place(async (aside) => {
        await this.#files.rename(aside, path);
        return true;
      });
    } finally {
      await this.#files.unlink(claim).catch(() => undefined);
    }
  }

  /** The lock, now that it is ours. */
  async taken(takenOver: boolean): Promise<RepairLock> {
    const files = this.#files;
    await files.syncDirectory(this.#folder);
    const isHeld = async () => tokenOf(await readLock(files, this.path)) === this.#token;
    const lock: RepairLock = {
      takenOver,
      isHeld,
      release: async () => {
        if (!(await isHeld())) return;
        await files.unlink(this.path);
        // Fails, as it should, where a run is kept.
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

  async #place(move: (aside: string) => Promise<boolean>): Promise<boolean> {
    const aside = `${this.path}.new-${this.#token}`;
    const content: LockContent = { token: this.#token, ...thisProcess(), since: new Date().toISOString() };
    let placed = false;
    try {
      await this.#files.writeNew(aside, Buffer.from(JSON.stringify(content)), PRIVATE_FILE);
      placed = await move(aside);
    } finally {
      if (!placed) await this.#files.unlink(aside).catch(() => undefined);
    }
    return placed;
  }

  /** Files of attempts that crashed. */
  async #removeLeftovers(): Promise<void> {
    for (const { name } of (await this.#files.list(this.#folder)) ?? []) {
      const path = join(this.#folder, name);
      if (!name.startsWith(`${LOCK_FILE}.`) || !isStale(await readLock(this.#files, path))) continue;
      await this.#files.unlink(path).catch((error: unknown) => {
        if (errnoCode(error) !== "ENOENT") throw error;
      });
    }
  }
}
