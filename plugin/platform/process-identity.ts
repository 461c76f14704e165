import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { errnoCode } from "./file-system.ts";

/** Tells one process from every other, also from a later one that was given the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Boot id plus start time in clock ticks since that boot; `null` where the system does not tell. */
  readonly started: string | null;
  /** The PID namespace in which `pid` is its number, as Linux names it; `null` where there are none. */
  readonly namespace: string | null;
  /** A hash of the id of the installed system; `null` where it has none. Cloned systems and containers may share it. */
  readonly machine: string | null;
  /** Windows alone: when it started, in milliseconds since the system did; `null` elsewhere. Threads agree on it. */
  readonly startedMs: number | null;
}

/**
 * What can be seen of a process from here. `unknown`: it may run on another machine, in another container, or the system
 * does not tell.
 */
export type Standing = "alive" | "gone" | "unknown";

/** What a process is that has ended and that its parent has not asked after yet (proc_pid_stat(5)). */
const ENDED = new Set(["Z", "X", "x"]);

/** `"ended"`: the number is still taken, but the process does nothing any more. */
function startOf(pid: number): string | null {
  try {
    // In a PID namespace without a /proc of its own, another process stands there under this number.
    if (readlinkSync("/proc/self") !== String(process.pid)) return null;
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name is in parentheses and may hold anything; start time is field 22, the 20th after it.
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (ENDED.has(state)) return "ended";
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${fields[18]}`;
  } catch {
    return null;
  }
}

function ownNamespace(): string | null {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return null;
  }
}

/** The id itself is not for others to read (machine-id(5)). */
function machineID(): string | null {
  try {
    const id = readFileSync("/etc/machine-id", "utf8").trim();
    if (id === "" || id === "uninitialized") return null;
    return createHash("sha256").update(`opencode-session-repair ${id}`).digest("hex").slice(0, 16);
  } catch {
    return null;
  }
}

export function thisProcess(): ProcessIdentity {
  const { pid } = process;
  const startedMs = process.platform === "win32" ? Math.round((uptime() - process.uptime()) * 1000) : null;
  return { pid, host: hostname(), started: startOf(pid), namespace: ownNamespace(), machine: machineID(), startedMs };
}

/** Whether no process has this number, in the PID namespace of this one. */
export function isFree(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoCode(error) === "ESRCH";
  }
}

/**
 * What can be seen of a process. A number means something only in its own PID namespace, and a start time only since its
 * own boot. It counts as gone only if the names of the hosts agree as well.
 */
export function standingOf(identity: ProcessIdentity): Standing {
  const own = thisProcess();
  const isSameHost = identity.host === own.host;
  const [boot, ownBoot] = [bootOf(identity), bootOf(own)];
  if (boot === null || ownBoot === null) {
    if (!isSameHost || identity.namespace !== own.namespace) return "unknown";
    return isFree(identity.pid) || isEarlierNamesake(identity, own) ? "gone" : "unknown";
  }
  if (boot !== ownBoot) {
    const isRestarted = isSameHost && identity.machine !== null && identity.machine === own.machine;
    return isRestarted ? "gone" : "unknown";
  }
  // Version 0.1.0 did not write the namespace down.
  const isOurs = identity.namespace === own.namespace;
  if (!isOurs && identity.namespace !== null) return "unknown";
  const now = startOf(identity.pid);
  if (now === identity.started) return "alive";
  if (!isOurs || !isSameHost) return "unknown";
  return now !== null || isFree(identity.pid) ? "gone" : "unknown";
}

/** Two clocks of one process are read one after the other. */
const CLOCKS_APART_MS = 2_000;

/** Whether an earlier process had the number of this one: Windows gives numbers again at once. */
function isEarlierNamesake(identity: ProcessIdentity, own: ProcessIdentity): boolean {
  const [then, now] = [identity.startedMs, own.startedMs];
  return identity.pid === own.pid && then !== null && now !== null && Math.abs(now - then) > CLOCKS_APART_MS;
}

function bootOf({ started }: ProcessIdentity): string | null {
  return started?.split(":")[0] ?? null;
}

/** Whether that process is gone for certain. */
export function isGone(identity: ProcessIdentity): boolean {
  return standingOf(identity) === "gone";
}
