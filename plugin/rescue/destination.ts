import { folderKey, isFolderOf, mountInWSL, NO_WORKTREE, systemOfPath } from "../hosts/folder-paths.ts";
import { pathSystem } from "../hosts/store-line.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { ProjectFacts, SessionColumns } from "../stores/conversation.ts";
import type { Destination } from "./session-rows.ts";

const GLOBAL = { id: "global", worktree: NO_WORKTREE } as const;

/**
 * Chooses the project in which opencode will list a session from another store. The first choice is the project that
 * the target database uses for the same folder, because the id of a project can change. The second choice is the
 * project with the same id. Otherwise the session's own project is added.
 */
export function destinationOf(
  store: StoreDescription,
  projects: readonly ProjectFacts[],
  columns: SessionColumns,
  projectID: string | null,
): Destination {
  const worktree = worktreeFor(store, columns);
  const found =
    (worktree === null || worktree === GLOBAL.worktree ? undefined : usedFor(projects, worktree, store)) ??
    projects.find(({ id }) => id === (projectID ?? GLOBAL.id));
  if (found !== undefined) return { store, projectID: found.id, worktree: found.worktree, hasProject: true };
  // If the session's project cannot be added, the session gets the project for folders without git.
  if (projectID === null || projectID === GLOBAL.id || worktree === null || !isFolderOf(pathSystem(store), worktree)) {
    const hasProject = projects.some(({ id }) => id === GLOBAL.id);
    return { store, projectID: GLOBAL.id, worktree: GLOBAL.worktree, hasProject };
  }
  return { store, projectID, worktree, hasProject: false };
}

/**
 * The git worktree of the session's project, as a path on the target's operating system. WSL shows a Windows folder
 * under another path.
 */
function worktreeFor(store: StoreDescription, { project }: SessionColumns): string | null {
  const worktree = project?.worktree;
  if (typeof worktree !== "string") return null;
  const isOther = pathSystem(store) === "posix" && systemOfPath(worktree) === "windows";
  return isOther ? (mountInWSL(worktree) ?? worktree) : worktree;
}

/** The project that uses a worktree. `projects` must be sorted by last use, the newest first. */
function usedFor(
  projects: readonly ProjectFacts[],
  worktree: string,
  store: StoreDescription,
): ProjectFacts | undefined {
  const key = (folder: string) => folderKey(pathSystem(store), folder);
  const wanted = key(worktree);
  return (
    projects.find((project) => key(project.worktree) === wanted) ??
    projects.find(({ sandboxes }) => sandboxes.some((folder) => key(folder) === wanted))
  );
}
