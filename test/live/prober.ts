/**
 * `bun test/live/prober.ts DATABASE` asks for the write lock again and again, without waiting, until its stdin ends.
 * Then it prints one line of JSON that says how long other processes held the lock each time. That time lasts from the
 * first refusal to the last one. While this program waits for a processor, it cannot see whether the lock was released.
 */
import { Database } from "bun:sqlite";
import { openSync, readFileSync, readSync, statSync } from "node:fs";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

export interface Holds {
  readonly attempts: number;
  /**
   * Each time that another process held the lock, longest first, in milliseconds. `pid` is 0 if the lock was released
   * before the program could look up who held it.
   */
  readonly holds: readonly { readonly pid: number; readonly ms: number }[];
  /** The longest time between two attempts, in milliseconds. */
  readonly longestGapMs: number;
}

/** The byte of the shared memory that SQLite locks for writes to a WAL (sqlite.org/walformat.html). */
const WRITE_LOCK_BYTE = 120;

/** The header of the shared memory, up to the count of frames. These bytes change with every commit. */
const HEADER_BYTES = 24;

const MOST_HOLDS = 200;

/** The process that holds the write lock, according to Linux. */
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

/**
 * Returns a value that changes with every commit, to tell apart the transactions of one process. The file stays open,
 * because closing it would release SQLite's own locks.
 */
function commitsOf(shm: string): () => string {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const file = openSync(shm, "r");
  return () => {
    readSync(file, bytes, 0, HEADER_BYTES, 0);
    return bytes.toString("hex");
  };
}

/** The process that holds the lock, and the newest commit at that time. */
interface Holder {
  readonly pid: number;
  readonly commit: string;
}

interface Hold extends Holder {
  readonly since: number;
  readonly until: number;
}

/**
 * If the process of one holder is not known (`pid` 0), it may be the process of the other. Then both count as the same.
 */
function isOf(hold: Hold | null, { pid, commit }: Holder): boolean {
  return hold?.commit === commit && (hold.pid === pid || hold.pid === 0 || pid === 0);
}

function prolonged(hold: Hold | null, holder: Holder, now: number): Hold {
  return { ...holder, pid: holder.pid || (hold?.pid ?? 0), since: hold?.since ?? now, until: now };
}

/**
 * Gives this process the highest priority, if the system allows that. The probe sees nothing while it waits for a
 * processor.
 */
function hurry(): void {
  try {
    setPriority(-20);
  } catch {
    // Only root may raise the priority.
  }
}

async function probe(path: string): Promise<void> {
  hurry();
  const shm = `${path}-shm`;
  const database = new Database(path, { readwrite: true });
  database.run("pragma busy_timeout = 0");
  database.query("select count(*) from sqlite_master").get();
  const commit = commitsOf(shm);
  let isOver = false;
  process.stdin.once("end", () => {
    isOver = true;
  });
  process.stdin.resume();
  let [attempts, longestGapMs] = [0, 0];
  let holds: { pid: number; ms: number }[] = [];
  let current: Hold | null = null;
  const end = () => {
    if (current !== null) holds.push({ pid: current.pid, ms: current.until - current.since });
    current = null;
    if (holds.length > 10 * MOST_HOLDS) holds = longest(holds);
  };
  process.stdout.write("probing\n");
  for (let last = performance.now(); !isOver; attempts += 1) {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    try {
      database.run("begin immediate");
      database.run("rollback");
      end();
    } catch {
      const seen = { pid: holder(shm), commit: commit() };
      if (!isOf(current, seen)) end();
      current = prolonged(current, seen, now);
    }
    await sleep(1);
  }
  end();
  database.close();
  process.stdout.write(`${JSON.stringify({ attempts, holds: longest(holds), longestGapMs } satisfies Holds)}\n`);
}

function longest(holds: readonly { pid: number; ms: number }[]): { pid: number; ms: number }[] {
  return [...holds].sort((a, b) => b.ms - a.ms).slice(0, MOST_HOLDS);
}

if (import.meta.main) await probe(process.argv[2] ?? "");
