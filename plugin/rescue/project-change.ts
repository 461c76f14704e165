import { dirname, join } from "node:path";
import { pathBelow } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { type FolderProject, rootCommitTime } from "./folder-project.ts";
import { originOf } from "./repository.ts";

/**
 * Whether a folder that is there got its project of today after a moment, in milliseconds: its `.git`, its remote or its
 * first commit is younger, or `.git` left the folder `root` since. Without such a trace it may be another folder, which
 * took the place of the one that a session was held in.
 */
export async function gotProjectSince(
  files: FileSystem,
  { directory, repository }: FolderProject,
  root: string,
  sinceMs: number,
): Promise<boolean> {
  if (repository === null) {
    const changed = await files.stat(pathBelow(directory, root) === null ? directory : root).catch(() => null);
    return changed !== null && !isBefore(changed.mtimeMs, sinceMs);
  }
  const { worktree, commonDirectory } = repository;
  const dotGit = await files.stat(join(worktree, ".git")).catch(() => null);
  if (dotGit !== null && !isBefore(dotGit.birthMs, sinceMs)) return true;
  if ((await originOf(files, repository)) !== null) {
    const configuration = await files.stat(join(commonDirectory, "config")).catch(() => null);
    if (configuration !== null && !isBefore(configuration.mtimeMs, sinceMs)) return true;
  }
  return ((await rootCommitTime(repository)) ?? 0) >= wholeSecond(sinceMs);
}

/** Git keeps whole seconds. */
function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/**
 * Whether something is mounted at the folder itself, or at one above it up to `root`: a container or a drive. Then one path
 * is now this folder and now that. Linux only; elsewhere nobody says it.
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

/** Whether a time of the file system, which a coarser clock writes, is before a moment; both in milliseconds. */
export function isBefore(fileMs: number, momentMs: number): boolean {
  return fileMs < momentMs - COARSE_MS;
}

/** The clock of a file system is late by up to one tick of the kernel. */
const COARSE_MS = 20;

/** The fifth field of a line (proc_pid_mountinfo(5)), where a space is `\\040`. */
function mountPoint(line: string): string {
  const field = line.split(" ")[4] ?? "";
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Whether nothing was removed or renamed at a folder's place since a moment, in milliseconds: the nearest folder above it
 * that is there was not changed. Then this machine never had it at that path; a container, another computer or a drive has.
 */
export async function wasNeverHere(files: FileSystem, directory: string, sinceMs: number): Promise<boolean> {
  for (let at = dirname(directory); ; at = dirname(at)) {
    const found = await files.stat(at).catch(() => undefined);
    if (found === undefined) return false;
    if (found !== null) return found.type === "directory" && isBefore(found.mtimeMs, sinceMs);
    if (at === dirname(at)) return false;
  }
}
