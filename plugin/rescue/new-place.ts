import { dirname, join } from "node:path";
import { folderKey, pathBelow, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import type { FolderProject } from "./folder-project.ts";
import { isBefore } from "./project-change.ts";

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
 * Whether a folder surely is the one that is gone, under another name. All of this must hold:
 * - nothing of the project was used there before the last use of the folder that is gone: else it is another clone;
 * - the id in its repository was written before the first session of the folder that is gone, and never written again since;
 * - the folder that held the one that is gone and the candidate itself changed after its last use, as a rename changes
 *   both: a folder of another machine (a container, a Mac) left no trace here.
 */
export async function isMovedFolder(
  files: FileSystem,
  gone: GoneFolder,
  candidate: FolderProject,
  keepsWorktree: boolean,
): Promise<boolean> {
  const { repository, worktree } = candidate;
  if (repository?.isMain !== true || gone.sessions.length === 0) return false;
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
