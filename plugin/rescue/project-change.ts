import { dirname, join } from "node:path";
import { pathBelow } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { remoteOf } from "../platform/repository.ts";
import { type FolderProject, rootCommitTime } from "./folder-project.ts";

/**
 * Whether a folder got its present project after the time `sinceMs`. `true` if its `.git`, its remote or its first
 * commit is younger than that time, or if `.git` was removed from the folder `root` after that time. If `false`, a
 * session may have been used in another folder at the same path.
 */
export async function gotProjectSince(
  files: FileSystem,
  { directory, repository }: FolderProject,
  root: string,
  sinceMs: number,
): Promise<boolean> {
  if (repository === null) {
    const changed = await files.stat(pathBelow(directory, root) === null ? directory : root).catch(() => null);
    return changed !== null && changed.mtimeMs >= sinceMs;
  }
  const { worktree, commonDirectory } = repository;
  const dotGit = await files.stat(join(worktree, ".git")).catch(() => null);
  if (dotGit !== null && dotGit.birthMs >= sinceMs) return true;
  if ((await remoteOf(files, repository)) !== null) {
    const configuration = await files.stat(join(commonDirectory, "config")).catch(() => null);
    if (configuration !== null && configuration.mtimeMs >= sinceMs) return true;
  }
  return ((await rootCommitTime(repository)) ?? 0) > wholeSecond(sinceMs);
}

/**
 * Rounds a time down to whole seconds. Git stores the time of a commit in whole seconds, so only such times can be
 * compared with it.
 */
function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/**
 * Whether a file system is mounted at a folder or at a folder above it, up to `root`. Then the same path can lead to
 * different folders at different times, as in a container. Only Linux shows its mount points.
 */
export async function isMounted(files: FileSystem, directory: string, root: string): Promise<boolean> {
  const read = await files.read("/proc/self/mountinfo", LARGEST_READ).catch(() => "absent" as const);
  if (typeof read === "string") return false;
  const points = new Set(read.toString("utf8").split("\n").map(mountPoint));
  const last = pathBelow(directory, root) === null ? directory : root;
  for (let at = directory; at !== dirname(at); at = dirname(at)) {
    if (points.has(at)) return true;
    if (at === last) return false;
  }
  return false;
}

const LARGEST_READ = 4 * 1024 * 1024;

/** Whether a file time is before another time, both in milliseconds. File times may be late by a few milliseconds. */
export function isBefore(fileMs: number, momentMs: number): boolean {
  return fileMs < momentMs - COARSE_MS;
}

/** The clock of a file system may be late by one tick of the kernel. */
const COARSE_MS = 20;

/**
 * The mount point in one line of `/proc/self/mountinfo`, which is the fifth field. In that file, a space is written as
 * `\\040`.
 */
function mountPoint(line: string): string {
  const field = line.split(" ")[4] ?? "";
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Whether a missing folder was never at this path on this machine. That is so if the nearest existing folder above it
 * has not changed since `sinceMs`, because a removal or a rename would have changed it. The missing folder was then in
 * a container, on another computer or on another drive.
 */
export async function wasNeverHere(files: FileSystem, directory: string, sinceMs: number): Promise<boolean> {
  for (let at = dirname(directory); ; at = dirname(at)) {
    const found = await files.stat(at).catch(() => undefined);
    if (found === undefined) return false;
    if (found !== null) return found.type === "directory" && isBefore(found.mtimeMs, sinceMs);
    if (at === dirname(at)) return false;
  }
}
