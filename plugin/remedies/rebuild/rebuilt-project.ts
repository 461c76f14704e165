import { folderKey, isFolderOf, NO_WORKTREE, writtenPath } from "../../hosts/folder-paths.ts";
import { sessionCell } from "../../hosts/row-form.ts";
import { hostLine, pathSystem } from "../../hosts/store-line.ts";
import type { Locator } from "../../model/artifact.ts";
import type { Replacement } from "../../model/replacement.ts";
import type { PathSystem, StoreDescription } from "../../model/store-description.ts";
import type { Fields, ProjectFacts, SessionFacts } from "../../stores/conversation.ts";
import { isPlainID, STORAGE } from "../../stores/json/layout.ts";

/** The project of everything outside version control. */
const GLOBAL = "global";

/** A project's record as its sessions tell it, and where it goes. */
export interface RebuiltProject {
  readonly locator: Locator;
  readonly content: Replacement["content"];
}

/**
 * A record for a project that has sessions and none of its own: its folder as the answers of its sessions state it (`root`;
 * `null`: none does), else the one folder that they all were held in, and the times of its sessions. What is legible of
 * a damaged record (`said`) stays. `null` where its folder does not follow, or is another project's by now.
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

/** The folder of a project that has sessions; `null` where it does not follow. */
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
