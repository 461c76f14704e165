import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { until } from "./until.ts";

/**
 * Does work while a process and everything it has started stand still, wherever they were. A signal to the group is not
 * enough: it returns before the processes stop, and a call under way still ends. Seen: git removed its lock after it.
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
    // Children first: a parent that went on might end them.
    for (const each of [...stopped].reverse()) signal(each, "SIGCONT");
  }
}

/** Signals what is not stopped yet. True if everything stood still already, so that nothing new can have been started. */
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
    // It has ended.
  }
}

function withDescendants(pid: number): number[] {
  const others = readdirSync("/proc").flatMap((name) => {
    const [, parent, group] = /^\d+$/.test(name) ? statOf(`/proc/${name}`) : [];
    return parent === undefined ? [] : [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
  });
  const found = new Set([pid]);
  // What is added meanwhile is visited too.
  for (const known of found) {
    for (const each of others) if (each.parent === known || each.group === pid) found.add(each.pid);
  }
  return [...found];
}

/**
 * Whether each of its threads is stopped, has ended, or waits for a child that was stopped before its exec: until then
 * the thread that has started the child can neither run nor be stopped (vfork). Seen: a host that was starting git. Which
 * thread waits for which child is not to be seen, so they are counted.
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

/** How many of its children were stopped before their exec. */
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

/** State, parent and group, from proc_pid_stat(5); nothing if it has ended. The name before them may have any letter. */
function statOf(folder: string): string[] {
  try {
    const text = readFileSync(`${folder}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ", 3);
  } catch {
    return [];
  }
}
