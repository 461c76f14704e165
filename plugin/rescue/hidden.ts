import { isAbsolute } from "node:path";
import type { FileSystem } from "../files/file-system.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import type { OpenedStore } from "../stores/open.ts";

/**
 * Why the opencode of a database does not show a conversation that is on disk. `legacy`: it is only in the JSON storage;
 * `other-database`: only in another database; `moved`: its folder is not there any more; `project-changed`: its project
 * has no record, or its folder belongs to another project now; `archived`: opencode was asked to hide it.
 */
export type Cause = "legacy" | "other-database" | "moved" | "project-changed" | "archived";

export interface HiddenSession {
  readonly cause: Cause;
  readonly sessionID: string;
  readonly title: string | null;
  readonly directory: string | null;
  readonly projectID: string | null;
  readonly updatedMs: number | null;
  /** Index of the store that holds it. */
  readonly store: number;
  /** Where it belongs now, as far as that is known: a folder, or the id of a project. */
  readonly suggestion: string | null;
}

export type OpenStore = OpenedStore & { readonly state: "ok" };

/** A store with what it knows of its sessions. */
export interface KnownStore {
  readonly index: number;
  readonly opened: OpenStore;
  readonly sessions: readonly SessionFacts[];
  readonly projects: readonly ProjectFacts[];
}

/** Everything that the opencode of `target` does not show. Reads only. */
export async function findHidden(
  files: FileSystem,
  target: KnownStore,
  others: readonly KnownStore[],
): Promise<HiddenSession[]> {
  return [...(await elsewhere(target, others)), ...(await misplaced(files, target)), ...archived(target)];
}

/** Databases before the JSON storage: what was imported into one of them went on there. */
async function elsewhere(target: KnownStore, others: readonly KnownStore[]): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  const known = new Set(target.sessions.filter(({ hasRecord }) => hasRecord).map(({ id }) => id));
  const inOrder = [...others].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
  for (const store of inOrder) {
    for (const facts of store.sessions) {
      if (known.has(facts.id) || !(await holdsSomething(store, facts))) continue;
      known.add(facts.id);
      found.push(hidden(rank(store) === 0 ? "other-database" : "legacy", store, facts, null));
    }
  }
  return found;
}

function rank({ opened }: KnownStore): number {
  return opened.description.generation === "sqlite" ? 0 : 1;
}

/** Of a session without a readable record of its own: whether there is a message. */
async function holdsSomething({ opened }: KnownStore, { id, hasRecord }: SessionFacts): Promise<boolean> {
  if (hasRecord) return true;
  for await (const { document } of opened.store.messages(id)) if (document !== null) return true;
  return false;
}

function hidden(cause: Cause, { index }: KnownStore, facts: SessionFacts, suggestion: string | null): HiddenSession {
  const { id: sessionID, title, directory, projectID, updatedMs } = facts;
  return { cause, sessionID, title, directory, projectID, updatedMs, store: index, suggestion };
}

async function misplaced(files: FileSystem, target: KnownStore): Promise<HiddenSession[]> {
  const there = new Map<string, boolean>();
  const exists = async (directory: string): Promise<boolean> => {
    const known =
      there.get(directory) ??
      // A folder that may not be looked at is there.
      (await files.stat(directory).then(
        (found) => found !== null,
        () => true,
      ));
    there.set(directory, known);
    return known;
  };
  const found: HiddenSession[] = [];
  for (const facts of target.sessions) {
    if (!facts.hasRecord) continue;
    const current = currentProject(target.projects, facts.projectID);
    if (current !== facts.projectID) found.push(hidden("project-changed", target, facts, current));
    const { directory } = facts;
    if (directory === null || !isAbsolute(directory) || (await exists(directory))) continue;
    found.push(hidden("moved", target, facts, await newFolder(target, facts, directory, exists)));
  }
  return found;
}

/** The project that opencode uses for the same worktree now: the one it opened last. `null` where there is none. */
function currentProject(projects: readonly ProjectFacts[], projectID: string | null): string | null {
  const own = projects.find(({ id }) => id === projectID);
  if (own === undefined) return null;
  if (own.worktree === "" || own.worktree === "/") return own.id;
  return projects.find(({ worktree }) => worktree === own.worktree)?.id ?? own.id;
}

/** opencode adds a folder that it meets a known project in to the project's sandboxes: the only one there is the new one. */
async function newFolder(
  { projects }: KnownStore,
  { projectID }: SessionFacts,
  directory: string,
  exists: (directory: string) => Promise<boolean>,
): Promise<string | null> {
  const project = projects.find(({ id }) => id === projectID);
  if (project === undefined || project.worktree === "/") return null;
  const old = [project.worktree, ...project.sandboxes].find((root) => isWithin(directory, root));
  if (old === undefined) return null;
  const candidates: string[] = [];
  for (const folder of new Set([project.worktree, ...project.sandboxes])) {
    if (folder !== old && isAbsolute(folder) && (await exists(folder))) candidates.push(folder);
  }
  const [only, ...more] = candidates;
  return only === undefined || more.length > 0 ? null : only + directory.slice(old.length);
}

/** Whether a folder is another one or lies below it. */
export function isWithin(directory: string, root: string): boolean {
  return directory === root || directory.startsWith(root.endsWith("/") ? root : `${root}/`);
}

function archived(target: KnownStore): HiddenSession[] {
  return target.sessions
    .filter(({ archivedMs }) => archivedMs !== null)
    .map((facts) => hidden("archived", target, facts, null));
}
