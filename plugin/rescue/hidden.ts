import { basename } from "node:path";
import { checksRecords, hostLine } from "../hosts/store-line.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import { findIncomplete, type IncompleteSession } from "./incomplete.ts";
import { KnownFolders } from "./known-folders.ts";
import type { KnownStore } from "./known-stores.ts";
import { findMisplaced, type Misplaced, type Place } from "./misplaced.ts";

/**
 * Why the opencode of a database does not show a session that is on disk. `legacy`: it is only in the JSON storage;
 * `other-database`: only in another database; `put-aside`: only in an older copy of this database, under another name: it
 * may have been deleted since; `moved`: its folder is not there any more; `project-changed`: its project
 * has no record, or its folder belongs to another project now; `parent-missing`: lists leave out what was started from
 * another session, and that one is gone; `record-missing`: only its messages are there; `archived`: opencode was asked to
 * hide it.
 */
export type Cause =
  | "legacy"
  | "other-database"
  | "put-aside"
  | "moved"
  | "project-changed"
  | "parent-missing"
  | "record-missing"
  | "archived";

export interface HiddenSession {
  readonly cause: Cause;
  readonly sessionID: string;
  readonly title: string | null;
  readonly directory: string | null;
  readonly projectID: string | null;
  readonly updatedMs: number | null;
  /** Index of the store that holds it. */
  readonly store: number;
  /** The name of the database file that holds it, of one in another database. */
  readonly database?: string;
  /** Where it belongs now, as far as that is known: a folder, or the id of a project. */
  readonly suggestion: string | null;
  /** Why, in one sentence; absent where the cause says it. */
  readonly reason?: string;
  /** Where `--relink` puts it without being told; absent or `null` where only the user knows. */
  readonly target?: Place | null;
  /** Folders where it may belong. */
  readonly candidates?: readonly string[];
  /** How many messages it has, where they were counted. */
  readonly messages?: number;
  /** The session whose own record is gone and whose messages are there: this one, or the one that it was started from. */
  readonly withoutRecord?: string;
}

/** A session that a terminal UI lists from another folder of its project, and nothing lists from its own. */
export interface PartlyShownSession extends HiddenSession {
  /** The git worktree in which a terminal UI lists it. */
  readonly shownFrom: string;
}

export interface Whereabouts {
  /** In no list of the target's opencode; archived sessions with them. */
  readonly hidden: readonly HiddenSession[];
  readonly partlyShown: readonly PartlyShownSession[];
  /** Shown, with fewer messages than another store has of them. */
  readonly incomplete: readonly IncompleteSession[];
  /** How many sessions could not be judged: their folder cannot be looked at, or is no path of this system. */
  readonly unjudged: number;
}

/** Everything that the opencode of `target` does not show from the session's own folder. Reads only. */
export async function findHidden(
  files: FileSystem,
  target: KnownStore,
  others: readonly KnownStore[],
): Promise<Whereabouts> {
  const { sessions, projects } = target;
  const folders = foldersOfStore(files, target);
  const isStrict = checksRecords(target.opened.description);
  const { misplaced, unjudged } = await findMisplaced(files, { sessions, projects, isStrict }, folders);
  const partlyShown = misplaced.flatMap((each) =>
    each.shownFrom === null ? [] : [{ ...misplacedSession(target, each), shownFrom: each.shownFrom }],
  );
  const nowhere = misplaced.filter(({ shownFrom }) => shownFrom === null);
  const brought = await elsewhere(target, others);
  const said = new Set([...brought.map(({ sessionID }) => sessionID), ...misplaced.map(({ facts }) => facts.id)]);
  const hidden = [
    ...brought,
    ...nowhere.map((each) => misplacedSession(target, each)),
    ...parentless(target, said),
    ...(await recordless(target, said)),
    ...archived(target),
  ];
  return { hidden, partlyShown, incomplete: await findIncomplete(target, others), unjudged };
}

/** The folders that a database knows of, looked at as the opencode that wrote it does. */
export function foldersOfStore(files: FileSystem, target: KnownStore): KnownFolders {
  return new KnownFolders(
    files,
    { byRemote: hostLine(target.opened.description).namesProjectsByRemote },
    target.projects,
    target.sessions,
  );
}

function misplacedSession(store: KnownStore, { facts, cause, reason, target, candidates }: Misplaced): HiddenSession {
  const suggestion = target === null ? null : cause === "moved" ? target.directory : target.projectID;
  return { ...hidden(cause, store, facts, suggestion), reason, target, candidates };
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
      found.push({ ...hidden(causeOf(store, target), store, facts, null), ...namedAs(store) });
    }
  }
  return found;
}

/** Databases first, what is in use before copies, and what the user names last. */
function rank({ opened, origin }: KnownStore): number {
  const order = ["beside", "put-aside", "other-data"].indexOf(origin);
  return (opened.description.database === undefined ? 1 : 0) + 2 * order;
}

/** A copy that has no session in common with the target is no older state of it: nothing of it was deleted there. */
function causeOf(store: KnownStore, target: KnownStore): Cause {
  if (store.opened.description.database === undefined) return "legacy";
  if (store.origin !== "put-aside") return "other-database";
  const own = new Set(target.sessions.map(({ id }) => id));
  return store.sessions.some(({ id }) => own.has(id)) ? "put-aside" : "other-database";
}

/** The name of the file that holds a session, where it is a database. */
function namedAs({ opened }: KnownStore): { readonly database?: string } {
  const { database } = opened.description;
  return database === undefined ? {} : { database: basename(database) };
}

/** Of a session without a readable record of its own: whether there is a message. */
async function holdsSomething({ opened }: KnownStore, { id, hasRecord }: SessionFacts): Promise<boolean> {
  if (hasRecord) return true;
  for await (const { document } of opened.store.conversations.messages(id)) if (document !== null) return true;
  return false;
}

function hidden(cause: Cause, { index }: KnownStore, facts: SessionFacts, suggestion: string | null): HiddenSession {
  const { id: sessionID, title, directory, projectID, updatedMs } = facts;
  return { cause, sessionID, title, directory, projectID, updatedMs, store: index, suggestion };
}

/** Sessions that were started from one that is not there; what hangs below them is opened from them. */
function parentless(target: KnownStore, said: ReadonlySet<string>): HiddenSession[] {
  const records = new Set(target.sessions.flatMap(({ id, hasRecord }) => (hasRecord ? [id] : [])));
  const bare = new Set(target.sessions.flatMap(({ id, hasRecord }) => (hasRecord ? [] : [id])));
  return target.sessions.flatMap((facts) => {
    const { id, parentID, hasRecord } = facts;
    if (!hasRecord || parentID === null || records.has(parentID) || said.has(id)) return [];
    const isBare = bare.has(parentID);
    const reason = `The session that it was started from has ${isBare ? "no record of its own" : "no record and no messages"}.`;
    return [
      { ...hidden("parent-missing", target, facts, null), reason, ...(isBare ? { withoutRecord: parentID } : {}) },
    ];
  });
}

/** Sessions of which only messages are there. */
async function recordless(target: KnownStore, said: ReadonlySet<string>): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  for (const facts of target.sessions) {
    if (facts.hasRecord || said.has(facts.id) || !(await holdsSomething(target, facts))) continue;
    found.push({
      ...hidden("record-missing", target, facts, null),
      reason: "Its messages are there, its own record is not.",
      withoutRecord: facts.id,
    });
  }
  return found;
}

function archived(target: KnownStore): HiddenSession[] {
  return target.sessions
    .filter(({ archivedMs }) => archivedMs !== null)
    .map((facts) => hidden("archived", target, facts, null));
}
