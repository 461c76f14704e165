import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import { findHidden, type HiddenSession, type Whereabouts } from "./hidden.ts";
import { isOf1xAlone, type KnownStores, type Unknowing } from "./known-stores.ts";
import type { Move } from "./targets.ts";

export interface RescueInput {
  readonly files: FileSystem;
  readonly located: Located;
  /** The database in which opencode shall show everything; `null` for the database that opencode opens by default. */
  readonly into: string | null;
  /** Another data directory from which sessions may be added; absent or `null` for none. */
  readonly fromData?: string | null;
  /** The sessions to look at. An empty list means all sessions. */
  readonly sessionIDs: readonly string[];
  /** Finds the ids of sessions if `sessionIDs` may have beginnings of ids. `known` are the ids in all open stores. */
  readonly resolve?: (words: readonly string[], known: readonly string[]) => Named;
  /** Whether to count the messages of each session for the list. */
  readonly countMessages?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each session that was added. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** The ids of sessions, or a message if a word begins the ids of several sessions. */
export type Named =
  | { readonly ok: true; readonly value: readonly string[] }
  | { readonly ok: false; readonly message: string };

/** The ids of the sessions that the input names, among the sessions of these stores. */
export function namedSessions({ sessionIDs, resolve }: RescueInput, stores: KnownStores): Named {
  return resolve === undefined || sessionIDs.length === 0
    ? { ok: true, value: sessionIDs }
    : resolve(sessionIDs, [...knownIDs(stores)]);
}

function knownIDs({ target, others }: KnownStores): Set<string> {
  return new Set([target, ...others].flatMap(({ sessions }) => sessions.map(({ id }) => id)));
}

/** What the user wants to be done with the hidden sessions. */
export interface RescueRequest {
  /** Whether to add sessions that are only in other stores. */
  readonly bringIn: boolean;
  /**
   * Whether to add sessions that are only in an older copy of the database, although the user may have deleted them
   * since.
   */
  readonly bringInPutAside?: boolean;
  /**
   * Whether to correct the folder and project of sessions. `true` does that only if the right place is certain. A move
   * tells where a folder is now.
   */
  readonly relink: boolean | Move;
  readonly unarchive: boolean;
}

export interface Refusal {
  readonly ok: false;
  readonly reason: Unknowing;
  readonly message: string;
}

/** The requested sessions that opencode does not show. @throws the reason of the input's signal */
export async function chosenSessions(input: RescueInput, { target, others }: KnownStores): Promise<Whereabouts> {
  const { hidden, partlyShown, incomplete, unjudged, unread } = await findHidden(
    input.files,
    target,
    others,
    input.signal,
  );
  const { sessionIDs } = input;
  const isChosen = ({ sessionID }: Pick<HiddenSession, "sessionID">) =>
    sessionIDs.length === 0 || sessionIDs.includes(sessionID);
  return {
    hidden: hidden.filter(isChosen),
    partlyShown: partlyShown.filter(isChosen),
    incomplete: incomplete.filter(isChosen),
    unjudged,
    unread,
  };
}

/**
 * The requested ids that are certainly in no store. If a store could not be read completely, the list is empty, because
 * the session may be there.
 */
export function unknownSessions(sessionIDs: readonly string[], stores: KnownStores): readonly string[] {
  const { target, others, unread, opened } = stores;
  const isRead = unread.length === 0 && opened.every(({ state }) => state !== "unread");
  return isRead && [target, ...others].every(isOf1xAlone) ? notFound(sessionIDs, stores) : [];
}

/** The requested ids that are not among the sessions of opencode 1.x that could be read. */
export function notFound(sessionIDs: readonly string[], stores: KnownStores): readonly string[] {
  const known = knownIDs(stores);
  return sessionIDs.filter((id) => !known.has(id));
}

/** Whether the session is only in a store that opencode does not read. */
export function isElsewhere({ cause }: Pick<HiddenSession, "cause">): boolean {
  return cause === "legacy" || cause === "other-database" || cause === "put-aside";
}

/** Whether the user asked to add this session from another store. */
export function isWanted(
  session: Pick<HiddenSession, "cause">,
  { bringIn, bringInPutAside = false }: Pick<RescueRequest, "bringIn" | "bringInPutAside">,
): boolean {
  return bringIn && isElsewhere(session) && (session.cause !== "put-aside" || bringInPutAside);
}
