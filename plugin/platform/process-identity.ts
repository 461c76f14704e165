import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { errnoCode } from "./file-system.ts";

/** Identifies a process. A later process with the same process number has another identity. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** The boot id and the start time in clock ticks since that boot; `null` if the system does not show them. */
  readonly started: string | null;
  /** The PID namespace in which `pid` is valid, as Linux names it; `null` if the system has no namespaces. */
  readonly namespace: string | null;
  /**
   * A hash of the id of the installed system; `null` if the system has no id. Cloned systems and containers may have
   * the same id.
   */
  readonly machine: string | null;
  /**
   * On Windows: when the process started, in milliseconds since the system started. `null` on other systems. All
   * threads of a process see the same value.
   */
  readonly startedMs: number | null;
}

/**
 * Whether a process still runs, as far as this process can see. `unknown`: the process may run on another machine or in
 * another container, or the system does not show it.
 */
export type ProcessState = "alive" | "gone" | "unknown";

/** The states of a process that has ended, but that its parent has not collected yet (proc_pid_stat(5)). */
const ENDED = new Set(["Z", "X", "x"]);

/**
 * The boot id and start time of a process. `"ended"` means that the number is still in use, but the process has ended.
 * `null` if the system does not show it.
 */
function startOf(pid: number): string | null {
  try {
    // A PID namespace may have no /proc of its own. Then `/proc/<pid>` shows another process with this number, so it is
    // not read.
    if (readlinkSync("/proc/self") !== String(process.pid)) return null;
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name is in parentheses and may contain any characters. The start time is field 22 of the line, the
    // 20th field after the command name.
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

/**
 * A hash of the id of this system. The id itself is not stored, because other users must not learn it (machine-id(5)).
 */
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

/** Whether no process in this PID namespace has this number. */
export function isFree(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoCode(error) === "ESRCH";
  }
}

/**
 * Whether a process still runs, as far as this process can see. A process number is valid only in its own PID
 * namespace, and a start time only for its own boot. The process counts as gone only if the names of the machines are
 * equal too.
 */
export function standingOf(identity: ProcessIdentity): ProcessState {
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
  // A lock file that an early build of this tool wrote names no namespace.
  const isOurs = identity.namespace === own.namespace;
  if (!isOurs && identity.namespace !== null) return "unknown";
  const now = startOf(identity.pid);
  if (now === identity.started) return "alive";
  if (!isOurs || !isSameHost) return "unknown";
  return now !== null || isFree(identity.pid) ? "gone" : "unknown";
}

/**
 * The start time is the difference of two clocks, which are read one after the other. So two readings may differ by
 * this much.
 */
const CLOCKS_APART_MS = 2_000;

/** Whether an earlier process had the same number as this process. Windows reuses the numbers of processes at once. */
function isEarlierNamesake(identity: ProcessIdentity, own: ProcessIdentity): boolean {
  const [then, now] = [identity.startedMs, own.startedMs];
  return identity.pid === own.pid && then !== null && now !== null && Math.abs(now - then) > CLOCKS_APART_MS;
}

function bootOf({ started }: ProcessIdentity): string | null {
  return started?.split(":")[0] ?? null;
}
