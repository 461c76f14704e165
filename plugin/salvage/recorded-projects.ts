import { isFolderHere, NO_WORKTREE, storedPath, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { line, repositoryOf } from "../platform/repository.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import { keepsSlashes } from "./rebuild-parents.ts";

/** The id of a repository's project: its first root commit, or a hash of its remote. */
const PROJECT_ID = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** At most this many worktrees are looked at. */
const MOST_WORKTREES = 1000;

/**
 * Adds the rows of projects whose id opencode itself recorded in the repository (`.git/opencode`), for worktrees that
 * messages name and no project has. Without such a row opencode lists none of the sessions (measured on 1.2.6 and 1.2.11).
 * Only files are read, and git is not started. Returns the number of projects.
 */
export async function addRecordedProjects(files: FileSystem, connection: Connection): Promise<number> {
  const named = connection.all(`select json_extract(data, '$.path.root') as root, min(time_created) as created,
      max(time_updated) as updated
    from message where session_id not in (select id from session) and json_valid(data)
    group by 1 having root is not null and root not in (select worktree from project) limit ${MOST_WORKTREES}`);
  const stored = keepsSlashes(connection) ? (root: string) => storedPath(THIS_SYSTEM, root) : (root: string) => root;
  let added = 0;
  for (const { root, created, updated } of named) {
    const id = typeof root === "string" ? await recordedID(files, root) : null;
    if (id === null || typeof root !== "string") continue;
    added += connection.run(
      "insert or ignore into project (id, worktree, vcs, time_created, time_updated, sandboxes) values (?, ?, 'git', ?, ?, '[]')",
      ...[id, stored(root), created ?? 0, updated ?? 0],
    );
  }
  return added;
}

async function recordedID(files: FileSystem, worktree: string): Promise<string | null> {
  if (worktree === NO_WORKTREE || !isFolderHere(worktree)) return null;
  const repository = await repositoryOf(files, worktree).catch(() => "none" as const);
  // The folder may belong to another repository by now, or to a repository in a folder above.
  if (typeof repository === "string" || repository.isElsewhere || repository.worktree !== worktree) return null;
  const id = await line(files, `${repository.commonDirectory}/opencode`);
  return PROJECT_ID.test(id) ? id : null;
}
