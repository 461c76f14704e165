import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";

/** A process that has a file open. */
export interface Opener {
  readonly pid: number;
  /** Name of its program, without folders. */
  readonly name: string;
}

/**
 * The other processes that have one of these files open, as Linux tells of those that this user may see; empty where the
 * system does not tell. Paths are absolute and free of symbolic links.
 */
export async function openersOf(paths: readonly string[]): Promise<Opener[]> {
  const found: Opener[] = [];
  for (const entry of await readdir("/proc").catch(() => [])) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (!paths.includes(target)) continue;
      found.push({ pid, name: await nameOf(pid) });
      break;
    }
  }
  return found;
}

async function nameOf(pid: number): Promise<string> {
  const command = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
  return basename(command.trim()) || "a process";
}

/** The processes that hold an advisory lock on a file, by its inode (`/proc/locks`); exclusive ones first. */
export async function lockersOf(inode: number): Promise<Opener[]> {
  const text = await readFile("/proc/locks", "utf8").catch(() => "");
  const pids = new Map<number, boolean>();
  for (const line of text.split("\n")) {
    // "1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"; a waiting one has an arrow in front of its kind.
    const match = /^\d+:\s+(?:POSIX|OFDLCK|FLOCK)\s+\S+\s+(READ|WRITE)\s+(\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(
      line,
    );
    if (match === null || Number(match[3]) !== inode) continue;
    const pid = Number(match[2]);
    pids.set(pid, pids.get(pid) === true || match[1] === "WRITE");
  }
  const sorted = [...pids].sort((a, b) => Number(b[1]) - Number(a[1]));
  return Promise.all(sorted.map(async ([pid]) => ({ pid, name: await nameOf(pid) })));
}

/** `opencode (process 1234)`; empty for none. */
export function openersText(openers: readonly Opener[]): string {
  return openers.map(({ pid, name }) => `${name} (process ${pid})`).join(", ");
}
