/**
 * `bun test/live/prober.ts DATABASE`: asks for the write lock again and again without waiting for it, until its stdin
 * ends, and says then for how long at a time others had it: a line of JSON. A hold is what was seen of it, from the first
 * refusal to the last: while this program itself waits for a processor, nobody can tell whether the lock was released.
 */
import { Database } from "bun:sqlite";
import { openSync, readFileSync, readSync, statSync } from "node:fs";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

export interface Holds {
  readonly attempts: number;
  /** Longest first, in milliseconds; `pid` of who had it, 0 where it was gone before that could be asked. */
  readonly holds: readonly { readonly pid: number; readonly ms: number }[];
  /** The longest time between two attempts, in milliseconds. */
  readonly longestGapMs: number;
}

/** SQLite's byte for the write lock of a WAL, in the shared memory (sqlite.org/walformat.html). */
const WRITE_LOCK_BYTE = 120;

/** The header of that memory up to the count of frames: it is another one after every commit. */
const HEADER_BYTES = 24;

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

/** Tells the transactions of one process from each other. The file stays open: closing it would drop SQLite's own locks. */
function commitsOf(shm: string): () => string {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const file = openSync(shm, "r");
  return () => {
    readSync(file, bytes, 0, HEADER_BYTES, 0);
    return bytes.toString("hex");
  };
}

/** Who holds the lock, and after which commit. */
interface Holder {
  readonly pid: number;
  readonly commit: string;
}

interface Hold extends Holder {
  readonly since: number;
  readonly until: number;
}

/** A holder that could not be asked for in time may be the same. */
function isOf(hold: Hold | null, { pid, commit }: Holder): boolean {
  return hold?.commit === commit && (hold.pid === pid || hold.pid === 0 || pid === 0);
}

function prolonged(hold: Hold | null, holder: Holder, now: number): Hold {
  return { ...holder, pid: holder.pid || (hold?.pid ?? 0), since: hold?.since ?? now, until: now };
}

/** Before everything else, where that is allowed: what waits for a processor sees nothing. */
function hurry(): void {
  try {
    setPriority(-20);
  } catch {
    // Only root may.
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
