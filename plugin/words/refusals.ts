/** Reasons for not doing something. Several stores or commands give these reasons. */

export const DISK_ERROR = "The disk reported an error. Nothing was lost. Make a backup before you try anything else.";

export const NO_SQLITE = "This runtime has no SQLite.";

export const BEING_WRITTEN = "Another process is writing to the database.";

export const LOG_DAMAGED =
  "The write-ahead log is damaged, and a change would overwrite it. Run `opencode-session-repair salvage --swap` first.";

export const NO_SUCH_RUN = "There is no run with this id in quarantine.";

export const QUARANTINE_IS_NO_FOLDER = '"quarantine" in the data directory is not a folder';

export const RENAME_QUARANTINE = `${QUARANTINE_IS_NO_FOLDER}. Rename it.`;

/** The reasons why one record was not changed or not restored. Every kind of store uses the same words. */
export const NOT_DONE = {
  unfit: "the replacement does not fit the record",
  unprepared: "it was not prepared",
  occupied: "another record is in its place now",
  copyChanged: "the quarantined copy is missing or has changed",
  changedSinceAdded: "the record was changed after it was added",
  nameOnWindows: "Windows cannot open a file of this name; remove the file with the system that wrote it",
  noParent: "the record that it belongs to is missing",
} as const;

/** The message for a store that cannot be read, with the command that finds out why. */
export function unreadable(what: "database" | "store"): string {
  return `The ${what} cannot be read; \`opencode-session-repair check\` says what is wrong with it.`;
}

/** The message if the project of `folder` is unknown without git. */
export function needsGit(folder: string): string {
  return `Without git this tool cannot tell which project ${folder} belongs to.`;
}
