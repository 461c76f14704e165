import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import { findHidden, type HiddenSession, type Whereabouts } from "./hidden.ts";
import { isOf1xAlone, type KnownStores, type Unknowing } from "./known-stores.ts";
import type { Move } from "./targets.ts";

export interface RescueInput {
  readonly files: FileSystem;
  readonly located: Located;
  /**
   * The name of the database whose opencode is to show everything; `null` for the database that opencode opens by
   * default.
   */
  readonly into: string | null;
  /** Another data directory whose sessions may be brought in; absent or `null` for none. */
  readonly fromData?: string | null;
  /** Include only these sessions. If empty, all. */
  readonly sessionIDs: readonly string[];
  /** Whether to count the messages of each session for the list. */
  readonly countMessages?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each session that was brought in. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** The requested actions on the hidden sessions. */
export interface RescueRequest {
  /** Bring in sessions that only other stores have. */
  readonly bringIn: boolean;
  /**
   * Also bring in sessions that only an older copy of the database has. Sessions in such a copy may have been deleted
   * later.
   */
  readonly bringInPutAside?: boolean;
  /** Correct folders and projects, either where the right place is certain or by the move that the user names. */
  readonly relink: boolean | Move;
  readonly unarchive: boolean;
}

export interface Refusal {
  readonly ok: false;
  readonly reason: Unknowing;
  readonly message: string;
}

/** The requested sessions that the target's opencode does not show. @throws the reason of the input's signal */
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

/** Those of these sessions that are in no store. None if a store was not read, or has sessions of opencode 2.x. */
export function unknownSessions(sessionIDs: readonly string[], stores: KnownStores): readonly string[] {
  const { target, others, unread, opened } = stores;
  const isRead = unread.length === 0 && opened.every(({ state }) => state !== "unread");
  return isRead && [target, ...others].every(isOf1xAlone) ? notFound(sessionIDs, stores) : [];
}

/** Those of these sessions that are not among the sessions of opencode 1.x that could be read. */
export function notFound(sessionIDs: readonly string[], { target, others }: KnownStores): readonly string[] {
  const known = new Set([target, ...others].flatMap(({ sessions }) => sessions.map(({ id }) => id)));
  return sessionIDs.filter((id) => !known.has(id));
}

/** Whether a session is in no store that the target's opencode reads. */
export function isElsewhere({ cause }: Pick<HiddenSession, "cause">): boolean {
  return cause === "legacy" || cause === "other-database" || cause === "put-aside";
}

/** Whether a request includes this session. */
export function isWanted(
  session: Pick<HiddenSession, "cause">,
  { bringIn, bringInPutAside = false }: Pick<RescueRequest, "bringIn" | "bringInPutAside">,
): boolean {
  return bringIn && isElsewhere(session) && (session.cause !== "put-aside" || bringInPutAside);
}
