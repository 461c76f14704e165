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

export interface HiddenSession extends Holder {
  readonly cause: Cause;
  readonly sessionID: string;
  readonly title: string | null;
  readonly directory: string | null;
  readonly projectID: string | null;
  readonly updatedMs: number | null;
  /** Index of the store that holds the session. */
  readonly store: number;
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
  /** The session that it was started from, if only another store has that one. */
  readonly parentElsewhere?: string;
  /** Whether the user archived the session as well. */
  readonly isArchived?: true;
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
  /** Other stores that failed while they were read: what they have is reported in part. */
  readonly unread: readonly UnreadStore[];
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
  const nowMs = Date.now();
  const records = new Map(sessions.flatMap((facts) => (facts.hasRecord ? [[facts.id, facts] as const] : [])));
  // A list holds the topmost session alone: the others are opened from it.
  const shownFrom = ({ shownFrom: folder, facts }: Misplaced) =>
    isTooOld(target, topmost(records, facts), nowMs) ? null : folder;
  const partlyShown = misplaced.flatMap((each) => {
    const folder = shownFrom(each);
    return folder === null ? [] : [{ ...misplacedSession(target, each), shownFrom: folder }];
  });
  const nowhere = misplaced.filter((each) => shownFrom(each) === null);
  const unread = new Set<KnownStore>();
  const onUnread = (store: KnownStore, error: unknown) => {
    // A bug of this tool is no damage of the store.
    stoppedBy(error);
    unread.add(store);
  };
  const bare = await recordless(target);
  // A session with messages here cannot be added again. When it has its record, the rest is found by its messages.
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
      // What has a record need not be read.
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

/** Whether a session without a readable record of its own has a message. */
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
 * Sessions that lists leave out because of their parent: it is missing, or the session is its own ancestor. The other
 * children of such a session are opened from it.
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
    const started = "The session that it was started from";
    const reason = isOwnAncestor
      ? "By its record it was started from itself, directly or through others."
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

/** Whether a session is among the sessions from which another one was started, directly or not. */
function isAncestor(records: ReadonlyMap<string, SessionFacts>, id: string, of: SessionFacts): boolean {
  const seen = new Set<string>();
  for (let at = of.parentID; at !== null && !seen.has(at); at = records.get(at)?.parentID ?? null) {
    if (at === id) return true;
    seen.add(at);
  }
  return false;
}

/** The session from which another one was started, directly or through others, as far as there are records. */
function topmost(records: ReadonlyMap<string, SessionFacts>, of: SessionFacts): SessionFacts {
  const seen = new Set<SessionFacts>();
  let at = of;
  while (at.parentID !== null && !seen.has(at)) {
    seen.add(at);
    at = records.get(at.parentID) ?? at;
  }
  return at;
}

/** Sessions of which only messages exist. */
async function recordless(target: KnownStore): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  for (const facts of target.sessions) {
    if (facts.hasRecord || !(await holdsSomething(target, facts))) continue;
    found.push({
      ...hidden("record-missing", target, facts, null),
      reason: "Its messages exist, but its own record is missing.",
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
