/** The source of a record's new content, as manifests and screens name it. */

export const FROM_OWN_PARTS = "rebuilt from its parts and the messages beside it";

export const FROM_SESSIONS = "rebuilt from the sessions of the project";

/** Values that are derived from the messages of a session. */
export const SAID_BY_MESSAGES = "the messages of the session";

export const CLOSED_WHERE_CUT = "closed where the document breaks off";

/**
 * Whether a record was made and is no copy that opencode recorded. Then its source begins with the act. JSON calls both
 * `recovered`.
 */
export function madeBy(source: string | null | undefined): "rebuilt" | "closed" | null {
  return WORDS_OF_MADE.find(([beginning]) => source?.startsWith(beginning) === true)?.[1] ?? null;
}

/** The beginnings of these sources. Manifests that were written before 2026-12 have the last two. */
const WORDS_OF_MADE = [
  ["rebuilt ", "rebuilt"],
  ["closed ", "closed"],
  ["what can be read of the document, closed", "closed"],
  ["what can be read of the record, and ", "rebuilt"],
] as const;

export function fromEvent(sequence: number): string {
  return `event ${sequence} of opencode's log of this session`;
}
