import { z } from "zod";
import type { FileSystem } from "../platform/file-system.ts";
import { type Standing, standingOf } from "../platform/process-identity.ts";

export const LOCK_FILE = ".lock";

/** Version 0.1.0 wrote neither `namespace` nor `machine`, and did not renew its locks. */
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

/** The times of the protocol, in milliseconds. */
export interface LockTimes {
  /** The interval at which a holder renews its lock. */
  readonly renewEveryMs: number;
  /** After this time without a renewal, a holder checks that no other process takes its lock over. */
  readonly overdueMs: number;
  /** After this time without a renewal, a lock may be taken over if its holder cannot be seen. */
  readonly lapsedMs: number;
  /** A process must also observe the missing renewal for this time, because clocks differ and can be changed. */
  readonly watchedMs: number;
}

/** `overdueMs` is less than `watchedMs`: no takeover can begin while a holder trusts its last renewal. */
export const LOCK_TIMES: LockTimes = { renewEveryMs: 2_000, overdueMs: 5_000, lapsedMs: 120_000, watchedMs: 10_000 };

/** A lock file, and the known facts about its holder. */
export interface LockHolder extends LockContent {
  /** The time of the last renewal, by the clock of the lock's holder. */
  readonly renewedMs: number;
  readonly standing: Standing;
}

/** The content of a lock file. A crash leaves a file without valid content; a live writer needs only milliseconds. */
export type LockReading = LockHolder | "absent" | "torn" | "being-written";

const TORN_AFTER_MS = 10_000;

export async function readLock(files: FileSystem, path: string): Promise<LockReading> {
  const bytes = await files.read(path, 4096);
  if (bytes === "absent") return "absent";
  // The time is read afterwards. If the lock was replaced meanwhile, this is the later time.
  const found = await files.stat(path);
  if (found === null) return "absent";
  try {
    const content = lockSchema.parse(JSON.parse(bytes.toString("utf8")));
    return { ...content, renewedMs: found.mtimeMs, standing: standingOf(content) };
  } catch {
    return Date.now() - found.mtimeMs > TORN_AFTER_MS ? "torn" : "being-written";
  }
}

/** The token of a lock file, without a look at its holder; `null` if there is no lock file. */
export async function readToken(files: FileSystem, path: string): Promise<string | null> {
  const bytes = await files.read(path, 4096);
  if (bytes === "absent") return null;
  try {
    return lockSchema.parse(JSON.parse(bytes.toString("utf8"))).token;
  } catch {
    return null;
  }
}

/** Names one state of a lock file, for the claims on it. */
export function tokenOf(reading: LockReading): string {
  return typeof reading === "string" ? reading : reading.token;
}

/** Whether the process that wrote it is certainly gone. */
export function isAbandoned(reading: LockReading): boolean {
  return typeof reading === "string" ? reading === "torn" : reading.standing === "gone";
}

/** Whether the lock was not renewed for this time, by the clock of this machine, and its holder cannot be seen. */
export function isLapsed(reading: LockReading, lapsedMs: number): boolean {
  if (typeof reading === "string" || reading.standing !== "unknown") return false;
  // A time in the future comes from another clock, or from a clock that was set back.
  return Math.abs(Date.now() - reading.renewedMs) > lapsedMs;
}
