import { z } from "zod";
import type { FileSystem } from "../platform/file-system.ts";
import { type ProcessState, standingOf } from "../platform/process-identity.ts";

export const LOCK_FILE = ".lock";

/** The JSON content of a lock file. Version 0.1.0 wrote neither `namespace` nor `machine`. */
const lockSchema = z.object({
  token: z.string().regex(/^[0-9a-f]{24}$/),
  pid: z.int().positive(),
  host: z.string(),
  started: z.string().nullable(),
  namespace: z.string().nullable().default(null),
  machine: z.string().nullable().default(null),
  startedMs: z.number().nullable().default(null),
  since: z.string(),
});

export type LockContent = z.infer<typeof lockSchema>;

/** The time limits by which processes share the lock, in milliseconds. */
export interface LockTimes {
  /** The process that holds the lock renews it at this interval. */
  readonly renewEveryMs: number;
  /** After this time without a renewal, the holder checks that no takeover has begun. */
  readonly overdueMs: number;
  /**
   * After this time without a renewal, another process may take the lock over if it cannot see whether the holder runs.
   */
  readonly lapsedMs: number;
  /** A process must also watch the lock for this time before it takes the lock over, because clocks differ. */
  readonly watchedMs: number;
}

/** `overdueMs` is less than `watchedMs`, so no takeover can begin while the holder trusts its last renewal. */
export const LOCK_TIMES: LockTimes = { renewEveryMs: 2_000, overdueMs: 5_000, lapsedMs: 120_000, watchedMs: 10_000 };

/** The content of a lock file, and whether the process that wrote it still runs. */
export interface LockHolder extends LockContent {
  /** The time of the last renewal, by the clock of the lock's holder. */
  readonly renewedMs: number;
  readonly standing: ProcessState;
}

/**
 * The state of a lock file. A file without valid content is `being-written`, and after ten seconds `torn` by a crash.
 */
export type LockReading = LockHolder | "absent" | "torn" | "being-written";

const TORN_AFTER_MS = 10_000;

export async function readLock(files: FileSystem, path: string): Promise<LockReading> {
  const bytes = await files.read(path, 4096);
  if (bytes === "absent") return "absent";
  // The file's time is read after its content. If the lock file was replaced in between, this is the newer file's time,
  // so a fresh lock never looks old.
  const found = await files.stat(path);
  if (found === null) return "absent";
  try {
    const content = lockSchema.parse(JSON.parse(bytes.toString("utf8")));
    return { ...content, renewedMs: found.mtimeMs, standing: standingOf(content) };
  } catch {
    return Date.now() - found.mtimeMs > TORN_AFTER_MS ? "torn" : "being-written";
  }
}

/**
 * The token in a lock file, which identifies its holder. `null` if there is no lock file, or if its content is not
 * valid.
 */
export async function readToken(files: FileSystem, path: string): Promise<string | null> {
  const bytes = await files.read(path, 4096);
  if (bytes === "absent") return null;
  try {
    return lockSchema.parse(JSON.parse(bytes.toString("utf8"))).token;
  } catch {
    return null;
  }
}

/** The holder's token, or the name of another state. The file name of a claim on the lock contains this text. */
export function tokenOf(reading: LockReading): string {
  return typeof reading === "string" ? reading : reading.token;
}

/** Whether the process that wrote the lock file is certainly gone. */
export function isAbandoned(reading: LockReading): boolean {
  return typeof reading === "string" ? reading === "torn" : reading.standing === "gone";
}

/**
 * Whether the lock was not renewed for `lapsedMs`, and this process cannot see whether the holder still runs (for
 * example in another container).
 */
export function isLapsed(reading: LockReading, lapsedMs: number): boolean {
  if (typeof reading === "string" || reading.standing !== "unknown") return false;
  // A renewal time in the future comes from another clock, or this clock was set back. So the difference between the
  // times counts in both directions.
  return Math.abs(Date.now() - reading.renewedMs) > lapsedMs;
}
