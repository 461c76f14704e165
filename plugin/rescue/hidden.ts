import { checksRecords, hostLine } from "../hosts/store-line.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { isOfOtherUser } from "../platform/permissions.ts";
import { stoppedBy } from "../repair/apply.ts";
import type { SessionFacts } from "../stores/conversation.ts";
import { storeText } from "../words/records.ts";
import { findIncomplete, type IncompleteSession } from "./incomplete.ts";
import { KnownFolders } from "./known-folders.ts";
import {
  type Holder,
  holderOf,
  type KnownStore,
  type OnUnread,
  type UnreadStore,
  unreadStore,
} from "./known-stores.ts";
import { isTooOld } from "./list-limits.ts";
import { findMisplaced } from "./misplaced.ts";
import type { Misplaced, Place } from "./standing.ts";

/**
 * Why opencode does not show a session that exists:
 * - `legacy`: it is only in the JSON files of opencode 1.0-1.1.
 * - `other-database`: it is only in another database.
 * - `put-aside`: it is only in an older copy of the database, so it may have been deleted since.
 * - `moved`: its folder no longer exists.
 * - `project-changed`: its project has no record, or its folder belongs to another project.
 * - `parent-missing`: the session that started it is gone.
 * - `record-missing`: only its messages exist.
 * - `archived`: the user archived it.
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

export interface HiddenSession extends Holder {
  readonly cause: Cause;
  readonly sessionID: string;
  readonly title: string | null;
  readonly directory: string | null;
  readonly projectID: string | null;
  readonly updatedMs: number | null;
  /** The index of the store that has the session. */
  readonly store: number;
  /** The folder or project id to which the session belongs now; `null` if it is not known. */
  readonly suggestion: string | null;
  /** Why the session is hidden, in one sentence. Absent if `cause` already says everything. */
  readonly reason?: string;
  /**
   * The place to which `--relink` moves the session without a question. Absent or `null` if only the user knows the
   * place.
   */
  readonly target?: Place | null;
  /** Folders that are likely to be the session's folder now. */
  readonly candidates?: readonly string[];
  /** How many messages the session has, if they were counted. */
  readonly messages?: number;
  /** The session whose record is gone although its messages exist: this session, or the session that started it. */
  readonly withoutRecord?: string;
  /** The id of the session that started this session, if only another store has it. */
  readonly parentElsewhere?: string;
  /** Present if the user has also archived the session. */
  readonly isArchived?: true;
}

/** A session that opencode lists in another folder of its project, but not in the session's own folder. */
export interface PartlyShownSession extends HiddenSession {
  /** The git worktree in which the terminal UI lists the session. */
  readonly shownFrom: string;
}

export interface Whereabouts {
  /** Sessions that the opencode of the target database lists nowhere, including archived sessions. */
  readonly hidden: readonly HiddenSession[];
  readonly partlyShown: readonly PartlyShownSession[];
  /** Sessions that opencode lists, but that have more messages in another store. */
  readonly incomplete: readonly IncompleteSession[];
  /**
   * How many sessions could not be judged. Their folder cannot be accessed, or its path is not a path of this operating
   * system.
   */
  readonly unjudged: number;
  /** Other stores that failed while they were read. Some of their sessions may be missing from the answer. */
  readonly unread: readonly UnreadStore[];
}

/**
 * Finds every session that opencode does not show if it is started in the session's own folder. `target` is opencode's
 * database, `others` are the other stores that were found. Reads only.
 * @throws the reason of the signal, between two sessions
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
  const nowMs = Date.now();
  const records = new Map(sessions.flatMap((facts) => (facts.hasRecord ? [[facts.id, facts] as const] : [])));
  // opencode lists only the topmost session of a tree. The user opens the other sessions of the tree from the topmost
  // session.
  const shownFrom = ({ shownFrom: folder, facts }: Misplaced) =>
    isTooOld(target, topmost(records, facts), nowMs) ? null : folder;
  const partlyShown = misplaced.flatMap((each) => {
    const folder = shownFrom(each);
    return folder === null ? [] : [{ ...misplacedSession(target, each), shownFrom: folder }];
  });
  const nowhere = misplaced.filter((each) => shownFrom(each) === null);
  const unread = new Set<KnownStore>();
  const onUnread = (store: KnownStore, error: unknown) => {
    // `stoppedBy` throws the error again if it is a bug in this tool and not a damaged store.
    stoppedBy(error);
    unread.add(store);
  };
  const bare = await recordless(target);
  // If the target database has messages of a session, but not the session's record, the session cannot be added from
  // another store. First `repair` must rebuild the record.
  const isBare = new Set(bare.map(({ sessionID }) => sessionID));
  const brought = (await elsewhere(target, others, onUnread, signal)).filter(({ sessionID }) => !isBare.has(sessionID));
  const said = new Set([...brought.map(({ sessionID }) => sessionID), ...misplaced.map(({ facts }) => facts.id)]);
  const hidden = [
    ...brought,
    ...nowhere.map((each) => misplacedSession(target, each)),
    ...parentless(target, records, said, brought),
    ...bare,
  ];
  for (const { sessionID } of hidden) said.add(sessionID);
  hidden.push(...archived(target, said));
  const incomplete = await findIncomplete(target, others, onUnread, signal);
  return { hidden, partlyShown, incomplete, unjudged, unread: [...unread].map(unreadStore) };
}

/** The folders that a database names, as the opencode version that uses this database sees them. */
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
 * Sessions that another store has, but the target database does not. If several stores have a session, a database is
 * preferred to JSON files, because imported sessions were continued in the database.
 */
export async function elsewhere(
  target: KnownStore,
  others: readonly KnownStore[],
  onUnread: OnUnread,
  signal?: AbortSignal,
): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  const known = new Set(target.sessions.filter(({ hasRecord }) => hasRecord).map(({ id }) => id));
  const inOrder = [...others].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
  for (const store of inOrder) {
    let isFailing = false;
    for (const facts of store.sessions) {
      signal?.throwIfAborted();
      // If a read of this store has failed before, the messages are not read. So only sessions with a record are
      // reported.
      if (known.has(facts.id) || (isFailing && !facts.hasRecord)) continue;
      const holds = await holdsSomething(store, facts).catch((error: unknown) => {
        signal?.throwIfAborted();
        onUnread(store, error);
        isFailing = true;
        return false;
      });
      if (!holds) continue;
      known.add(facts.id);
      found.push({ ...hidden(causeOf(store, target), store, facts, null), ...holderOf(store) });
    }
  }
  return found;
}

/**
 * The order in which stores are searched: databases before JSON files, stores in use before copies, and other data
 * directories last.
 */
function rank({ opened, origin }: KnownStore): number {
  const order = ["beside", "put-aside", "other-data"].indexOf(origin);
  return (opened.description.database === undefined ? 1 : 0) + 2 * order;
}

/**
 * If a copy shares no session with the target database, the copy is not an older state of that database. So the
 * sessions of the copy were not deleted from that database, and count as `other-database`.
 */
function causeOf(store: KnownStore, target: KnownStore): Cause {
  if (store.opened.description.database === undefined) return "legacy";
  if (store.origin !== "put-aside") return "other-database";
  const own = new Set(target.sessions.map(({ id }) => id));
  return store.sessions.some(({ id }) => own.has(id)) ? "put-aside" : "other-database";
}

/** Whether a session has its record or at least one message. */
async function holdsSomething({ opened }: KnownStore, { id, hasRecord }: SessionFacts): Promise<boolean> {
  if (hasRecord) return true;
  for await (const { document } of opened.store.conversations.messages(id)) if (document !== null) return true;
  return false;
}

function hidden(cause: Cause, { index }: KnownStore, facts: SessionFacts, suggestion: string | null): HiddenSession {
  const { id: sessionID, title, directory, projectID, updatedMs, archivedMs } = facts;
  const isArchived = archivedMs !== null && ["moved", "project-changed", "parent-missing"].includes(cause);
  return {
    ...{ cause, sessionID, title, directory, projectID, updatedMs, store: index, suggestion },
    ...(isArchived && { isArchived }),
  };
}

/**
 * Sessions that opencode does not list because of their parent. Either the parent is missing, or the session is its own
 * ancestor. Sessions that such a session started are not returned, because the user opens them from that session.
 */
function parentless(
  target: KnownStore,
  records: ReadonlyMap<string, SessionFacts>,
  said: ReadonlySet<string>,
  brought: readonly HiddenSession[],
): HiddenSession[] {
  const bare = new Set(target.sessions.flatMap(({ id, hasRecord }) => (hasRecord ? [] : [id])));
  return target.sessions.flatMap((facts): HiddenSession[] => {
    const { id, parentID, hasRecord } = facts;
    if (!hasRecord || parentID === null || said.has(id)) return [];
    const isOwnAncestor = isAncestor(records, id, facts);
    if (records.has(parentID) && !isOwnAncestor) return [];
    const isBare = bare.has(parentID);
    const elsewhere = isBare ? undefined : brought.find(({ sessionID }) => sessionID === parentID);
    const started = "The session that started this session";
    const reason = isOwnAncestor
      ? "According to its record, the session was started from itself, directly or through other sessions."
      : elsewhere !== undefined
        ? `${started} is only in ${storeText(elsewhere)}.`
        : `${started} has ${isBare ? "no record of its own" : "no record and no messages"}.`;
    return [
      {
        ...hidden("parent-missing", target, facts, null),
        reason,
        ...(isBare && { withoutRecord: parentID }),
        ...(elsewhere !== undefined && { parentElsewhere: parentID }),
      },
    ];
  });
}

/** Whether the session `id` started another session, directly or through other sessions. */
function isAncestor(records: ReadonlyMap<string, SessionFacts>, id: string, of: SessionFacts): boolean {
  const seen = new Set<string>();
  for (let at = of.parentID; at !== null && !seen.has(at); at = records.get(at)?.parentID ?? null) {
    if (at === id) return true;
    seen.add(at);
  }
  return false;
}

/**
 * The highest ancestor of a session that can be reached through existing records; the session itself if it has no
 * parent.
 */
function topmost(records: ReadonlyMap<string, SessionFacts>, of: SessionFacts): SessionFacts {
  const seen = new Set<SessionFacts>();
  let at = of;
  while (at.parentID !== null && !seen.has(at)) {
    seen.add(at);
    at = records.get(at.parentID) ?? at;
  }
  return at;
}

/** Sessions whose record is missing while their messages exist. */
async function recordless(target: KnownStore): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  for (const facts of target.sessions) {
    if (facts.hasRecord || !(await holdsSomething(target, facts))) continue;
    found.push({
      ...hidden("record-missing", target, facts, null),
      reason: "The session's messages exist, but its own record is missing.",
      withoutRecord: facts.id,
    });
  }
  return found;
}

function archived(target: KnownStore, said: ReadonlySet<string>): HiddenSession[] {
  return target.sessions
    .filter(({ id, archivedMs }) => archivedMs !== null && !said.has(id))
    .map((facts) => hidden("archived", target, facts, null));
}
