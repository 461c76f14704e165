import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoCode } from "./file-system.ts";
import type { LockedRange, NamedFile, Opener, OpenFiles } from "./open-files.ts";

/** What Linux shows about open files in `/proc` (proc(5)). */
export const linuxOpenFiles: OpenFiles = { openersOf, openersBelow, openForWriting, exclusiveLockersOf, holdsLock };

async function openersOf(paths: readonly string[]): Promise<Opener[]> {
  const real = await Promise.all(paths.map(realPath));
  return openers((target) => real.includes(target));
}

/** The real path of a file. For a missing file, this is the path that it would have in the real folder. */
async function realPath(path: string): Promise<string> {
  return realpath(path).catch(async () =>
    join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path)),
  );
}

async function openersBelow(folders: readonly string[]): Promise<Opener[]> {
  const real = await Promise.all(folders.map(realPath));
  return openers((target) => real.some((folder) => target.startsWith(`${folder}/`)), /opencode/);
}

async function openers(isMeant: (target: string) => boolean, suspect: RegExp | null = null): Promise<Opener[]> {
  const found: Opener[] = [];
  for (const entry of await readdir("/proc").catch(() => [])) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const descriptors = await readdir(`/proc/${pid}/fd`).catch((error: unknown) =>
      errnoCode(error) === "EACCES" ? null : [],
    );
    if (descriptors === null) {
      const name = suspect === null ? "" : await nameOf(pid);
      if (suspect?.test(name)) found.push({ pid, name });
      continue;
    }
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (!isMeant(target)) continue;
      found.push({ pid, name: await nameOf(pid) });
      break;
    }
  }
  return found;
}

function openForWriting<T extends NamedFile>(files: readonly T[]): Set<T> {
  const writing = new Set<T>();
  const named = new Map<string, T[]>();
  for (const file of files) named.set(file.name, [...(named.get(file.name) ?? []), file]);
  for (const pid of namesIn("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of namesIn(`/proc/${pid}/fd`)) {
      const open = `${pid}/fd/${descriptor}`;
      try {
        // The name is read before the status, because a status request for a file on an unreachable server never
        // returns.
        const name = basename(readlinkSync(`/proc/${open}`).replace(/ \(deleted\)$/, ""));
        const meant = named.get(name);
        if (meant === undefined || !mayWrite(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, "utf8"))) continue;
        const { dev, ino } = statSync(`/proc/${open}`);
        for (const file of meant) if (file.stat.device === dev && file.stat.inode === ino) writing.add(file);
      } catch {
        // The file was closed in the meantime, so it no longer counts.
      }
    }
  }
  return writing;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Whether a descriptor is open for writing: the last two bits of its octal flags show that. */
function mayWrite(descriptorInfo: string): boolean {
  const flags = /^flags:\s+([0-7]+)$/m.exec(descriptorInfo)?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0;
}

async function nameOf(pid: number): Promise<string> {
  const command = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
  return basename(command.trim()) || "a process";
}

async function exclusiveLockersOf(path: string, inode: number): Promise<Opener[]> {
  const text = await readFile("/proc/locks", "utf8").catch(() => "");
  const pids = new Set<number>();
  for (const line of text.split("\n")) {
    // A line of `/proc/locks`: "1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF". A lock that a process still waits for
    // has an arrow before its kind, and is not matched.
    const match = /^\d+:\s+(?:POSIX|OFDLCK|FLOCK)\s+\S+\s+WRITE\s+(\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line);
    if (match !== null && Number(match[2]) === inode) pids.add(Number(match[1]));
  }
  if (pids.size === 0) return [];
  return (await openersOf([path])).filter(({ pid }) => pids.has(pid));
}

/**
 * Whether this process holds a lock on exactly these bytes. `/proc/locks` also lists the locks of the process that
 * reads it.
 */
function holdsLock(inode: number, { first, last }: LockedRange): boolean {
  try {
    const own = readlinkSync("/proc/self");
    // The line to find looks like this: "5: POSIX  ADVISORY  READ 1234 fd:01:5678 128 128"
    const line = new RegExp(
      `^\\d+:\\s+\\S+\\s+\\S+\\s+\\S+\\s+${own}\\s+[0-9a-f]+:[0-9a-f]+:${inode}\\s+${first} ${last}$`,
      "m",
    );
    return line.test(readFileSync("/proc/locks", "utf8"));
  } catch {
    return false;
  }
}
