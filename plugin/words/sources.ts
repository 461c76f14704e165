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
  return (["rebuilt", "closed"] as const).find((act) => source?.startsWith(`${act} `) === true) ?? null;
}

export function fromEvent(sequence: number): string {
  return `event ${sequence} of opencode's log of this session`;
}
