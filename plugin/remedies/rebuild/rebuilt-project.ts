import { folderKey, isFolderOf, NO_WORKTREE, writtenPath } from "../../hosts/folder-paths.ts";
import { sessionCell } from "../../hosts/row-form.ts";
import { hostLine, pathSystem } from "../../hosts/store-line.ts";
import type { Locator } from "../../model/artifact.ts";
import type { Replacement } from "../../model/replacement.ts";
import type { PathSystem, StoreDescription } from "../../model/store-description.ts";
import type { Fields, ProjectFacts, SessionFacts } from "../../stores/conversation.ts";
import { isPlainID, STORAGE } from "../../stores/json/layout.ts";

/** The id of the project that opencode uses for folders without version control. */
const GLOBAL = "global";

/** The content of a rebuilt project record, and the file or row into which it is written. */
export interface RebuiltProject {
  readonly locator: Locator;
  readonly content: Replacement["content"];
}

/**
 * Makes a record for a project that has sessions but no readable record. `root` is the project folder that the answers
 * of its sessions name, or `null`. Without `root`, all sessions must have been used in the same folder. The times come
 * from the sessions. `said` has the values that can still be read in the damaged record.
 * Returns `null` if the folder cannot be derived, or if another project has the same folder.
 */
export function rebuiltProject(
  id: string,
  sessions: readonly SessionFacts[],
  root: string | null,
  others: readonly ProjectFacts[],
  store: StoreDescription,
  said: Fields = {},
): RebuiltProject | null {
  const system = pathSystem(store);
  const found = worktreeOf(id, sessions, root, system);
  const worktree = found === null ? null : writtenPath(system, found, hostLine(store));
  const isTaken = (other: ProjectFacts) =>
    other.id !== id && worktree !== null && folderKey(system, other.worktree) === folderKey(system, worktree);
  if (worktree === null || others.some(isTaken)) return null;
  const created = Math.min(...sessions.map(({ createdMs, updatedMs }) => createdMs ?? updatedMs ?? Date.now()));
  const updated = Math.max(created, ...sessions.map(({ updatedMs }) => updatedMs ?? 0));
  const vcs = id === GLOBAL ? null : "git";
  if (store.database === undefined) {
    if (!isPlainID(id)) return null;
    const time = { created: Math.floor(created), updated: Math.floor(updated) };
    const record = { worktree, ...(vcs === null ? {} : { vcs }), sandboxes: [], time, ...said, id };
    return {
      locator: { path: `${STORAGE}/project/${id}.json` },
      content: { bytes: Buffer.from(JSON.stringify(record, null, 2)) },
    };
  }
  const row = { id, worktree, vcs, sandboxes: "[]", time_created: created, time_updated: updated };
  const cells = new Map(Object.entries(row).map(([name, value]) => [name, sessionCell(name, value)]));
  return { locator: { table: "project", key: { id } }, content: { cells } };
}

/** The folder of a project that has sessions; `null` if it cannot be derived. */
export function worktreeOf(
  id: string,
  sessions: readonly SessionFacts[],
  root: string | null,
  system: PathSystem,
): string | null {
  if (id === GLOBAL) return NO_WORKTREE;
  if (isFolderOf(system, root)) return root;
  const folders = new Map(sessions.map(({ directory }) => [folderKey(system, directory ?? ""), directory]));
  const [only, ...more] = folders.values();
  const isRoot = system === "posix" && only === NO_WORKTREE;
  return more.length === 0 && (isRoot || isFolderOf(system, only)) ? only : null;
}
