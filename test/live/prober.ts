/**
 * `bun test/live/prober.ts DATABASE`: asks for the write lock again and again without waiting for it, until its stdin
 * ends, and says then for how long at a time others had it: a line of JSON.
 */
import { Database } from "bun:sqlite";
import { readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface Holds {
  readonly attempts: number;
  /** Longest first, in milliseconds; `pid` of who had it, 0 where it was gone before that could be asked. */
  readonly holds: readonly { readonly pid: number; readonly ms: number }[];
}

/** SQLite's byte for the write lock of a WAL, in the shared memory (sqlite.org/walformat.html). */
const WRITE_LOCK_BYTE = 120;

const MOST_HOLDS = 200;

/** The process that has the write lock, as Linux tells. */
function holder(shm: string): number {
  const { ino } = statSync(shm);
  for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
    const match = /POSIX\s+\S+\s+WRITE\s+(\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s+(\d+)\s+(\d+)/.exec(line);
    const [, pid, inode, from, to] = (match ?? []).map(Number);
    if (pid !== undefined && inode === ino && from !== undefined && to !== undefined) {
      if (from <= WRITE_LOCK_BYTE && to >= WRITE_LOCK_BYTE) return pid;
    }
  }
  return 0;
}

interface Hold {
  readonly pid: number;
  readonly since: number;
}

function heldOn(current: Hold | null, pid: number, now: number): Hold {
  return current === null ? { pid, since: now } : { pid: current.pid || pid, since: current.since };
}

async function probe(path: string): Promise<void> {
  const database = new Database(path, { readwrite: true });
  database.run("pragma busy_timeout = 0");
  let isOver = false;
  process.stdin.once("end", () => {
    isOver = true;
  });
  process.stdin.resume();
  let attempts = 0;
  let holds: { pid: number; ms: number }[] = [];
  let current: Hold | null = null;
  const end = (now: number) => {
    if (current !== null) holds.push({ pid: current.pid, ms: now - current.since });
    current = null;
    if (holds.length > 10 * MOST_HOLDS) holds = longest(holds);
  };
  process.stdout.write("probing\n");
  for (; !isOver; attempts += 1) {
    const now = performance.now();
    try {
      database.run("begin immediate");
      database.run("rollback");
      end(now);
    } catch {
      const pid = holder(`${path}-shm`);
      // Another holder right after the first is a hold of its own.
      if (current !== null && pid !== 0 && current.pid !== 0 && current.pid !== pid) end(now);
      current = heldOn(current, pid, now);
    }
    await sleep(1);
  }
  database.close();
  process.stdout.write(`${JSON.stringify({ attempts, holds: longest(holds) } satisfies Holds)}\n`);
}

function longest(holds: readonly { pid: number; ms: number }[]): { pid: number; ms: number }[] {
  return [...holds].sort((a, b) => b.ms - a.ms).slice(0, MOST_HOLDS);
}

if (import.meta.main) await probe(process.argv[2] ?? "");
