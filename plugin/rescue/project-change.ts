import { dirname, join } from "node:path";
import { pathBelow } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { type FolderProject, rootCommitTime } from "./folder-project.ts";
import { originOf } from "./repository.ts";

/**
 * Whether an existing folder got its present project after a certain time, in milliseconds. The project is new if its
 * `.git`, its remote or its first commit is younger, or if `.git` left the folder `root` after that time. Otherwise
 * another folder may have replaced the one in which a session was used.
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
  if ((await originOf(files, repository)) !== null) {
    const configuration = await files.stat(join(commonDirectory, "config")).catch(() => null);
    if (configuration !== null && configuration.mtimeMs >= sinceMs) return true;
  }
  return ((await rootCommitTime(repository)) ?? 0) > wholeSecond(sinceMs);
}

/** Git stores whole seconds, so a commit of the same second may be older. */
function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/**
 * Whether a container, a drive or another file system is mounted at the folder itself, or at one above it up to `root`.
 * In that case one path leads to different folders at different times. Only Linux shows this.
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

/** Whether a time of the file system, whose clock is coarser, is before another time. Both are in milliseconds. */
export function isBefore(fileMs: number, momentMs: number): boolean {
  return fileMs < momentMs - COARSE_MS;
}

/** The clock of a file system is late by up to one tick of the kernel. */
const COARSE_MS = 20;

/**
 * The fifth field of a line is the mount point (proc_pid_mountinfo(5)). In that file, a space is written as `\\040`.
 */
function mountPoint(line: string): string {
  const field = line.split(" ")[4] ?? "";
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Whether nothing was removed or renamed at a folder's place after a certain time, in milliseconds: the nearest
 * existing folder above it did not change. In that case the folder was never at that path on this machine. Such a
 * folder was in a container, on another computer or on a drive.
 */
export async function wasNeverHere(files: FileSystem, directory: string, sinceMs: number): Promise<boolean> {
  for (let at = dirname(directory); ; at = dirname(at)) {
    const found = await files.stat(at).catch(() => undefined);
    if (found === undefined) return false;
    if (found !== null) return found.type === "directory" && isBefore(found.mtimeMs, sinceMs);
    if (at === dirname(at)) return false;
  }
}
