import { unreadable } from "../refusals.ts";
import { inOnePiece } from "../text-layout.ts";

/** A search for a session that no store has. */
export interface NoSession {
  /** The id, the beginning of an id, or the words of a title that the user typed. */
  readonly words: readonly string[];
  /** The paths of the stores that were read. */
  readonly stores: readonly string[];
  /** The paths of the stores that could not be read. */
  readonly unread: readonly string[];
  /** Whether the quarantine has records of a session with this id. */
  readonly isInQuarantine: boolean;
  /** A suggestion of similar ids, or an empty text. */
  readonly similar: string;
}

/** opencode's own ids have 26 characters after `ses_`. A word of that form is a whole id, not a beginning. */
const WHOLE_SESSION_ID = /^ses_[0-9A-Za-z]{26,}$/;

export function isWholeSessionID(word: string): boolean {
  return WHOLE_SESSION_ID.test(word);
}

/** The answer to a name that no session has: the stores that were read, and the next step. */
export function noSessionText({ words, stores, unread, isInQuarantine, similar }: NoSession): string {
  if (stores.length === 0) return `${unreadable("store")}${unread.length === 0 ? "" : ` ${lookedAt(unread)}`}`;
  const theseStores = stores.length === 1 ? "this store" : "these stores";
  const sentences = [
    `No session of ${theseStores} ${whatItHas(words)}. ${lookedAt(stores)}${similar}`,
    ...(isInQuarantine ? [IN_QUARANTINE] : []),
    ...(unread.length > 0
      ? [`The session may be in a store that cannot be read: ${unread.map(inOnePiece).join(", ")}.`]
      : []),
    unread.length > 0
      ? "Next: `opencode-session-repair check` (says what is wrong with that store)."
      : "Next: `opencode-session-repair sessions` (lists every session).",
  ];
  return sentences.join(" ");
}

const IN_QUARANTINE = "The quarantine has records of this session: `opencode-session-repair runs` lists them.";

function lookedAt(paths: readonly string[]): string {
  return `Looked at: ${paths.map(inOnePiece).join(", ")}.`;
}

/** Words of a title may be the user's own text, so they are not printed. */
function whatItHas(words: readonly string[]): string {
  const [first = ""] = words;
  if (words.length !== 1 || !first.startsWith("ses_")) return "has these words in its title or id";
  return isWholeSessionID(first) ? `has the id ${first}` : `has an id that begins with "${first}"`;
}

/** The note about sessions that no readable store has. A store that could not be read may have them. */
export function notFoundText(sessionIDs: readonly string[]): string {
  return `${sessionIDs.join(", ")}: not among the sessions that could be read.`;
}
