import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Tells one process from every other, also from a later one that was given the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Start time in clock ticks since boot plus the boot's id; `null` where the system does not tell. */
  readonly started: string | null;
}

/** What a process is that has ended and that its parent has not asked after yet (proc_pid_stat(5)). */
const ENDED = new Set(["Z", "X", "x"]);

/** `"ended"`: the number is still taken, but the process does nothing any more. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name is in parentheses and may hold anything; start time is field 22, the 20th after it.
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (ENDED.has(state)) return "ended";
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${fields[18]}`;
  } catch {
    return null;
  }
}

export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, host: hostname(), started: startOf(process.pid) };
}

/** Whether that process is gone for certain. Of another machine's process, or one that cannot be told apart, it is not. */
export function isGone(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
  const now = startOf(identity.pid);
  return identity.started !== null && now !== null && identity.started !== now;
}
