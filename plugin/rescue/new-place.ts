import { dirname, join } from "node:path";
import { folderKey, pathBelow, storedPath, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { recordedWorktree } from "../platform/repository.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import type { FolderProject } from "./folder-project.ts";
import { isBefore } from "./project-change.ts";

/** A folder of a project that is missing now, and the sessions that were used in it or below it. */
export interface GoneFolder {
  readonly root: string;
  readonly project: ProjectFacts | undefined;
  readonly sessions: readonly SessionFacts[];
  /** When the first session of the missing folder was created, in milliseconds. */
  readonly firstUseMs: number;
  /** All sessions of the project, including those of other folders. */
  readonly ofProject: readonly SessionFacts[];
}

/**
 * The folder to which a missing folder was certainly renamed; `null` if that is not certain. All of these conditions
 * must be true:
 * - The candidate is the only folder of the project, or a linked worktree that git last saw at the missing path.
 * - The missing folder was not inside the candidate.
 * - The project was not used in the candidate before the last use of the missing folder. Otherwise the candidate is
 *   another clone.
 * - The project id was written into the candidate's repository before the first session of the missing folder, and not
 *   again since.
 * - The parent of the missing folder and the candidate itself changed after the last use, because a rename changes
 *   both. A folder of another machine would have left no such trace.
 */
export async function movedFolder(
  files: FileSystem,
  gone: GoneFolder,
  candidates: readonly FolderProject[],
  keepsWorktree: boolean,
): Promise<FolderProject | null> {
  const recorded: FolderProject[] = [];
  for (const candidate of candidates) if (await isRecordedAt(files, candidate, gone.root)) recorded.push(candidate);
  const [only, ...more] = recorded.length > 0 ? recorded : candidates.filter(({ repository }) => repository?.isMain);
  if (only === undefined || more.length > 0 || (recorded.length === 0 && candidates.length > 1)) return null;
  return (await isRenamed(files, gone, only, keepsWorktree)) ? only : null;
}

/**
 * Whether git last saw this linked worktree at the path `folder`. `git worktree move` writes the new path, but a rename
 * by hand does not.
 */
async function isRecordedAt(files: FileSystem, { repository }: FolderProject, folder: string): Promise<boolean> {
  const recorded = repository === null ? null : await recordedWorktree(files, repository);
  return recorded !== null && isSame(storedPath(THIS_SYSTEM, recorded), folder);
}

async function isRenamed(
  files: FileSystem,
  gone: GoneFolder,
  { repository, worktree }: FolderProject,
  keepsWorktree: boolean,
): Promise<boolean> {
  if (repository === null || gone.sessions.length === 0 || pathBelow(gone.root, worktree) !== null) return false;
  // From 1.17 on, a project's record keeps the worktree in which opencode first saw the project. If the record names
  // this worktree, opencode used the worktree before, so the worktree is not the renamed folder.
  if (keepsWorktree && gone.project !== undefined && isSame(gone.project.worktree, worktree)) return false;
  const lastUse = Math.max(...gone.sessions.map(({ updatedMs }) => updatedMs ?? Number.POSITIVE_INFINITY));
  const usedBefore =
    gone.ofProject.some(
      ({ directory, createdMs }) =>
        directory !== null && pathBelow(directory, worktree) !== null && (createdMs ?? 0) < lastUse,
    ) ||
    (gone.project?.directories ?? []).some(
      ({ directory, createdMs }) => isSame(directory, worktree) && (createdMs ?? 0) < lastUse,
    );
  if (usedBefore) return false;
  const written = await files.stat(join(repository.commonDirectory, "opencode")).catch(() => null);
  if (written === null || written.birthMs === 0 || written.birthMs > gone.firstUseMs) return false;
  const holder = await files.stat(dirname(gone.root)).catch(() => null);
  if (holder?.type !== "directory" || isBefore(holder.mtimeMs, lastUse)) return false;
  const renamed = await files.stat(worktree).catch(() => null);
  return renamed !== null && !isBefore(renamed.ctimeMs, lastUse);
}

function isSame(folder: string, other: string): boolean {
  return folderKey(THIS_SYSTEM, folder) === folderKey(THIS_SYSTEM, other);
}
