/** Why something is not done: the reasons that more than one store or command gives. */

export const DISK_ERROR = "The disk reported an error. Nothing was lost; back up before anything else.";

export const NO_SQLITE = "This runtime has no SQLite.";

export const NO_SUCH_RUN = "There is no run with this id in quarantine.";

/** The reason of an item that was not changed or restored, in every store. */
export const NOT_DONE = {
  unfit: "what should take its place does not fit",
  taken: "something is in its place now",
  occupied: "something else is in its place now",
  copyChanged: "the quarantined copy is missing or has changed",
  noParent: "the record it belongs to is not there",
} as const;

/** A store that cannot be read, with the way to find out why. */
export function unreadable(what: "database" | "store"): string {
  return `The ${what} cannot be read; \`opencode-session-repair check\` says what is wrong with it.`;
}

/** What `folder` names belongs to a project that only git tells. */
export function needsGit(folder: string): string {
  return `Which project ${folder} belongs to cannot be told without git.`;
}
