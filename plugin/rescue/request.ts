import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import { findHidden, type HiddenSession, type Whereabouts } from "./hidden.ts";
import type { KnownStores, Unknowing } from "./known-stores.ts";
import type { Move } from "./targets.ts";

export interface RescueInput {
  readonly files: FileSystem;
  readonly located: Located;
  /** Name of the database whose opencode is to show everything; `null` for the one that opencode opens by default. */
  readonly into: string | null;
  /** Another data directory, the sessions of which may be brought in; absent or `null` for none. */
  readonly fromData?: string | null;
  /** Only these sessions; empty for all. */
  readonly sessionIDs: readonly string[];
  /** Whether the messages of each session are counted for the list. */
  readonly countMessages?: boolean;
  readonly signal?: AbortSignal;
  /** Told after each session that was brought in. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** What is to be done for the hidden sessions. */
export interface RescueRequest {
  /** Bring in what only other stores have. */
  readonly bringIn: boolean;
  /** Bring in also what only an older copy of the database has, and may have been deleted since. */
  readonly bringInPutAside?: boolean;
  /** Correct folders and projects: by what is known for sure, or as the user says. */
  readonly relink: boolean | Move;
  readonly unarchive: boolean;
}

export interface Refusal {
  readonly ok: false;
  readonly reason: Unknowing;
  readonly message: string;
}

/** What the target's opencode does not show, of the sessions that were asked for. */
export async function chosenSessions(input: RescueInput, { target, others }: KnownStores): Promise<Whereabouts> {
  const { hidden, partlyShown, incomplete, unjudged } = await findHidden(input.files, target, others);
  const { sessionIDs } = input;
  const isChosen = ({ sessionID }: Pick<HiddenSession, "sessionID">) =>
    sessionIDs.length === 0 || sessionIDs.includes(sessionID);
  return {
    hidden: hidden.filter(isChosen),
    partlyShown: partlyShown.filter(isChosen),
    incomplete: incomplete.filter(isChosen),
    unjudged,
  };
}

/** Whether a session is in no place that the target's opencode looks at. */
export function isElsewhere({ cause }: Pick<HiddenSession, "cause">): boolean {
  return cause === "legacy" || cause === "other-database" || cause === "put-aside";
}

/** Whether a request brings a session in. */
export function isWanted(
  session: Pick<HiddenSession, "cause">,
  { bringIn, bringInPutAside = false }: Pick<RescueRequest, "bringIn" | "bringInPutAside">,
): boolean {
  return bringIn && isElsewhere(session) && (session.cause !== "put-aside" || bringInPutAside);
}
