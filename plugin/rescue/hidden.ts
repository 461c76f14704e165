import { basename } from "node:path";
import { checksRecords, hostLine } from "../hosts/store-line.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { isOfOtherUser } from "../platform/permissions.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import { findIncomplete, type IncompleteSession } from "./incomplete.ts";
import { KnownFolders } from "./known-folders.ts";
import type { KnownStore } from "./known-stores.ts";
import { findMisplaced, type Misplaced, type Place } from "./misplaced.ts";

/**
 * The reason why the opencode of a database does not show an existing session. `legacy`: the session is only in the
 * JSON storage. `other-database`: only in another database. `put-aside`: only in an older copy of this database under
 * another name, so it may have been deleted later. `moved`: its folder no longer exists. `project-changed`: its project
 * has no record, or its folder now belongs to another project. `parent-missing`: the session that started this one is
 * gone, and lists show no such sessions. `record-missing`: only its messages exist. `archived`: the user archived it.
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
  /** Index of the store that holds the session. */
  readonly store: number;
  /** The file name of the database that holds the session, if it is another database. */
  readonly database?: string;
  /** The place to which the session belongs now, if that is known: a folder or the id of a project. */
  readonly suggestion: string | null;
  /** The reason why the session is hidden, in one sentence. Absent if the cause already states it. */
  readonly reason?: string;
  /** The folder to which `--relink` moves the session unasked; absent or `null` if only the user knows. */
  readonly target?: Place | null;
  /** Folders that may be the session's folder now. */
  readonly candidates?: readonly string[];
  /** The number of the session's messages, if they were counted. */
  readonly messages?: number;
  /** The session whose record is gone while its messages exist: this session or its parent. */
  readonly withoutRecord?: string;
}

/** A session that is listed from another folder of its project, but not from its own. */
export interface PartlyShownSession extends HiddenSession {
  /** The git worktree in which a terminal UI lists the session. */
  readonly shownFrom: string;
}

export interface Whereabouts {
  /** Sessions in no list of the target's opencode, including archived ones. */
  readonly hidden: readonly HiddenSession[];
  readonly partlyShown: readonly PartlyShownSession[];
  /** Sessions that are shown, but with fewer messages than another store has. */
  readonly incomplete: readonly IncompleteSession[];
  /**
   * The number of sessions that could not be judged, because their folder cannot be accessed or its path does not
   * belong to this system.
   */
  readonly unjudged: number;
}

/**
 * Every session that the opencode of `target` does not show from the session's own folder. The function only reads.
 * @throws the signal's reason, between two sessions
 */
export async function findHidden(
  files: FileSystem,
  target: KnownStore,
  others: readonly KnownStore[],
  signal?: AbortSignal,
): Promise<Whereabouts> {
  const { sessions, projects } = target;
  const folders = foldersOfStore(files, target);
  const isStrict = checksRecords(target.opened.description);
  const { misplaced, unjudged } = await findMisplaced(files, { sessions, projects, isStrict }, folders, signal);
  const partlyShown = misplaced.flatMap((each) =>
    each.shownFrom === null ? [] : [{ ...misplacedSession(target, each), shownFrom: each.shownFrom }],
  );
  const nowhere = misplaced.filter(({ shownFrom }) => shownFrom === null);
  const brought = await elsewhere(target, others, signal);
  const said = new Set([...brought.map(({ sessionID }) => sessionID), ...misplaced.map(({ facts }) => facts.id)]);
  const hidden = [
    ...brought,
    ...nowhere.map((each) => misplacedSession(target, each)),
    ...parentless(target, said),
    ...(await recordless(target, said)),
    ...archived(target),
  ];
  return { hidden, partlyShown, incomplete: await findIncomplete(target, others, signal), unjudged };
}

/** The folders that a database names, judged by the rules of the opencode that wrote it. */
export function foldersOfStore(files: FileSystem, target: KnownStore): KnownFolders {
  const { description } = target.opened;
  const rule = {
    byRemote: hostLine(description).namesProjectsByRemote,
    isThisUser: description.database !== undefined && !isOfOtherUser(description.database),
  };
  return new KnownFolders(files, rule, target.projects, target.sessions);
}

function misplacedSession(store: KnownStore, { facts, cause, reason, target, candidates }: Misplaced): HiddenSession {
  const suggestion = target === null ? null : cause === "moved" ? target.directory : target.projectID;
  return { ...hidden(cause, store, facts, suggestion), reason, target, candidates };
}

/**
 * Sessions that only other stores have. Databases come before the JSON storage, because imported sessions were
 * continued in databases.
 */
export async function elsewhere(
  target: KnownStore,
  others: readonly KnownStore[],
  signal: AbortSignal | undefined,
): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  const known = new Set(target.sessions.filter(({ hasRecord }) => hasRecord).map(({ id }) => id));
  const inOrder = [...others].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
  for (const store of inOrder) {
    for (const facts of store.sessions) {
      signal?.throwIfAborted();
      if (known.has(facts.id) || !(await holdsSomething(store, facts))) continue;
      known.add(facts.id);
      found.push({ ...hidden(causeOf(store, target), store, facts, null), ...namedAs(store) });
    }
  }
  return found;
}

/** The order of stores: databases first, stores in use before copies, stores that the user names last. */
function rank({ opened, origin }: KnownStore): number {
  const order = ["beside", "put-aside", "other-data"].indexOf(origin);
  return (opened.description.database === undefined ? 1 : 0) + 2 * order;
}

/**
 * A copy that shares no session with the target is not an older state of the target. So no session of that copy was
 * deleted from the target.
 */
function causeOf(store: KnownStore, target: KnownStore): Cause {
  if (store.opened.description.database === undefined) return "legacy";
  if (store.origin !== "put-aside") return "other-database";
  const own = new Set(target.sessions.map(({ id }) => id));
  return store.sessions.some(({ id }) => own.has(id)) ? "put-aside" : "other-database";
}

/** The name of the file that holds a session, if that is a database. */
function namedAs({ opened }: KnownStore): { readonly database?: string } {
  const { database } = opened.description;
  return database === undefined ? {} : { database: basename(database) };
}

/** Whether a session without a readable record of its own has a message. */
async function holdsSomething({ opened }: KnownStore, { id, hasRecord }: SessionFacts): Promise<boolean> {
  if (hasRecord) return true;
  for await (const { document } of opened.store.conversations.messages(id)) if (document !== null) return true;
  return false;
}

function hidden(cause: Cause, { index }: KnownStore, facts: SessionFacts, suggestion: string | null): HiddenSession {
  const { id: sessionID, title, directory, projectID, updatedMs } = facts;
  return { cause, sessionID, title, directory, projectID, updatedMs, store: index, suggestion };
}

/** Sessions whose parent session is missing. Their own children are opened from them. */
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

/** Sessions of which only messages exist. */
async function recordless(target: KnownStore, said: ReadonlySet<string>): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  for (const facts of target.sessions) {
    if (facts.hasRecord || said.has(facts.id) || !(await holdsSomething(target, facts))) continue;
    found.push({
      ...hidden("record-missing", target, facts, null),
      reason: "Its messages exist, but its own record is missing.",
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
