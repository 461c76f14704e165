/** Texts that say where the new content of a record came from. Manifests and screens use the same texts. */

export const FROM_OWN_PARTS = "rebuilt from its parts and the messages beside it";

export const FROM_SESSIONS = "rebuilt from the sessions of the project";

/** Values that are derived from the messages of a session. */
export const SAID_BY_MESSAGES = "the messages of the session";

export const CLOSED_WHERE_CUT = "closed where the document breaks off";

/**
 * Whether a record was rebuilt or closed; `null` for other records, such as records that an exact copy replaced. JSON
 * documents call all of these `recovered`, but the source text of a rebuilt or closed record has a beginning of its
 * own.
 */
export function madeBy(source: string | null | undefined): "rebuilt" | "closed" | null {
  return WORDS_OF_MADE.find(([beginning]) => source?.startsWith(beginning) === true)?.[1] ?? null;
}

/**
 * The beginnings of source texts. Each shows whether the record was rebuilt or closed. Only manifests from before
 * December 2026 have the last two beginnings.
 */
const WORDS_OF_MADE = [
  ["rebuilt ", "rebuilt"],
  ["closed ", "closed"],
  ["what can be read of the document, closed", "closed"],
  ["what can be read of the record, and ", "rebuilt"],
] as const;

export function fromEvent(sequence: number): string {
  return `event ${sequence} of opencode's log of this session`;
}

/** Why damage in the diffs of a deleted session does no harm. */
export const DIFFS_OF_NO_SESSION = "no session has this id, so opencode does not read the file";

export const COPY_OF_SESSION = "a complete copy in the folder of the project's sessions";

/** Says that a symbolic link is in the place of a record. opencode 1.0-1.1 does not follow links in its lists. */
export const LINK = "LINK";

/** What is in the place of a file, by the error with which the system refuses to open the file. */
const INSTEAD: Readonly<Record<string, string>> = {
  [LINK]: "a link",
  EISDIR: "a folder, or a link to a folder",
  ELOOP: "a link that leads to itself",
  ENOTDIR: "a link that leads through a file",
  ENAMETOOLONG: "a link with a name that is too long",
};

/** What is in the place of a file, if the system refuses to open it with this error; `null` for any other error. */
export function insteadOfFile(ioError: string): string | null {
  return INSTEAD[ioError] ?? null;
}
