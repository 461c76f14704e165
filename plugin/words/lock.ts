import { plural } from "./amounts.ts";

/** The known facts about the holder of a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  /** The time of the last renewal, by the holder's own clock. */
  readonly renewedMs: number;
}

/** A length of time in its largest fitting unit, such as `3 minutes`. */
function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  for (const [unit, length] of UNITS) {
    const count = Math.floor(seconds / length);
    if (count > 0 || length === 1) return plural(count, unit);
  }
  return "";
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/**
 * The process that holds a lock, with times: `process 123 on host "box", for 3 minutes, last renewed 2 seconds ago`.
 */
export function holderText({ pid, host, since, renewedMs }: Holder, now: number = Date.now()): string {
  const began = Date.parse(since);
  const age = Number.isNaN(began) ? "" : `, for ${ageText(now - began)}`;
  const renewed = renewedMs > now + 1000 ? "with a time in the future" : `${ageText(now - renewedMs)} ago`;
  return `process ${pid} on host "${host}"${age}, last renewed ${renewed}`;
}

/**
 * Says why a data directory cannot be changed now, and what to do. After `lapsedMs` without a renewal, a lock expires.
 */
export function lockedSentence(holder: (Holder & { readonly standing: string }) | null, lapsedMs: number): string {
  if (holder === null) return "Another repair is working on this data directory. Try again when that repair has ended.";
  const held = `Another repair holds the lock of this data directory: ${holderText(holder)}.`;
  if (holder.standing === "alive") return `${held} Wait until it is done, or end that process. Then try again.`;
  return `${held} This tool cannot see whether that process still runs. If the process has ended, the lock expires ${plural(lapsedMs / 60_000, "minute")} after its last renewal. To remove the lock earlier: \`opencode-session-repair unlock\`.`;
}
