import { dirname, join } from "node:path";
import { folderKey, pathBelow, storedPath, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import type { FolderProject } from "./folder-project.ts";
import { isBefore } from "./project-change.ts";
import { recordedWorktree } from "./repository.ts";

/** A missing folder of a project, with the project's sessions that were used in it or below it. */
export interface GoneFolder {
  readonly root: string;
  readonly project: ProjectFacts | undefined;
  readonly sessions: readonly SessionFacts[];
  /** The time at which the first of these sessions was made, in milliseconds. */
  readonly firstUseMs: number;
  /** Every session of the project. */
  readonly ofProject: readonly SessionFacts[];
}

/**
 * The folder that surely is the one that is gone, under another name; `null` if none is sure. All of this must hold:
 * - it is the only folder of the project, or a linked worktree that git last recorded where the folder is gone;
 * - it does not hold the place of the folder that is gone;
 * - nothing of the project was used there before the last use of the folder that is gone: else it is another clone;
 * - the id in its repository was written before the first session of the folder that is gone, and never written again since;
 * - the folder that held the one that is gone and the candidate itself changed after its last use, as a rename changes
 *   both: a folder of another machine (a container, a Mac) left no trace here.
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

/** Whether git last saw a linked worktree at this path. Git writes the new path when the worktree is moved by git. */
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
  // From 1.17 on a project keeps the worktree in which it was met first.
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
