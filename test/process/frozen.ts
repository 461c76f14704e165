import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { until } from "./until.ts";

/**
 * Runs `work` while a process and everything that it started are stopped. A signal to the process group is not enough:
 * `kill` returns before the processes stop, and a running system call still ends. In one test, git removed its lock
 * after the signal.
 */
export async function whileFrozen(pid: number, work: () => Promise<void>): Promise<void> {
  const stopped = new Set<number>();
  try {
    await until(
      () => stopAll(pid, stopped),
      () => `process ${pid} never stood still`,
      5,
    );
    await work();
  } finally {
    // Children continue first, because a parent that continues might end its children.
    for (const each of [...stopped].reverse()) signal(each, "SIGCONT");
  }
}

/**
 * Stops every process that is not stopped yet. Returns true if all were stopped already, so that no new process can
 * have started.
 */
function stopAll(pid: number, stopped: Set<number>): boolean {
  let isStill = true;
  for (const each of withDescendants(pid)) {
    if (isStoppedWhole(each)) continue;
    isStill = false;
    stopped.add(each);
    signal(each, "SIGSTOP");
  }
  return isStill;
}

function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, name);
  } catch {
    // The process has ended.
  }
}

function withDescendants(pid: number): number[] {
  const others = readdirSync("/proc").flatMap((name) => {
    const [, parent, group] = /^\d+$/.test(name) ? statOf(`/proc/${name}`) : [];
    return parent === undefined ? [] : [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
  });
  const found = new Set([pid]);
  // The loop also visits the processes that it adds to `found`.
  for (const known of found) {
    for (const each of others) if (each.parent === known || each.group === pid) found.add(each.pid);
  }
  return [...found];
}

/**
 * Whether each thread of the process is stopped, has ended, or waits for a child that was stopped before its exec.
 * Until the exec, a thread that started such a child can neither run nor be stopped (vfork). This happened to a host
 * that was starting git. Linux does not show which thread waits for which child, so the function compares how many
 * there are of both.
 */
function isStoppedWhole(pid: number): boolean {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return true;
  }
  const running = threads
    .map((thread) => statOf(`/proc/${pid}/task/${thread}`)[0] ?? "X")
    .filter((state) => !"TtZX".includes(state));
  return running.length === 0 || (running.every((state) => state === "D") && running.length <= stoppedBeforeExec(pid));
}

/** How many children of the process were stopped before their exec. */
function stoppedBeforeExec(pid: number): number {
  const own = programOf(pid);
  return readdirSync("/proc").filter((name) => {
    const [state, parent] = /^\d+$/.test(name) ? statOf(`/proc/${name}`) : [];
    return state === "T" && Number(parent) === pid && own !== null && programOf(Number(name)) === own;
  }).length;
}

function programOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return null;
  }
}

/**
 * State, parent and group of a process or thread, from proc_pid_stat(5). The list is empty if it has ended. The program
 * name before these fields may contain any character.
 */
function statOf(folder: string): string[] {
  try {
    const text = readFileSync(`${folder}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ", 3);
  } catch {
    return [];
  }
}
