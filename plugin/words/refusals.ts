/** Why something is not done: the reasons that more than one store or command gives. */

export const DISK_ERROR = "The disk reported an error. Nothing was lost; make a backup before you try anything else.";

export const NO_SQLITE = "This runtime has no SQLite.";

export const NO_SUCH_RUN = "There is no run with this id in quarantine.";

/** The reason of an item that was not changed or restored, in every store. */
export const NOT_DONE = {
  unfit: "the replacement does not fit",
  taken: "another record is in its place now",
  occupied: "another record is in its place now",
  copyChanged: "the quarantined copy is missing or has changed",
  noParent: "the record that it belongs to is missing",
} as const;

/** A store that cannot be read, with the way to find out why. */
export function unreadable(what: "database" | "store"): string {
  return `The ${what} cannot be read; \`opencode-session-repair check\` says what is wrong with it.`;
}

/** What `folder` names belongs to a project that only git tells. */
export function needsGit(folder: string): string {
  return `Without git this tool cannot tell which project ${folder} belongs to.`;
}
