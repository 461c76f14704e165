/** Sentences of advice that several problems, stores or commands share. */

export const KEEP_A_COPY = "Stop opencode and copy the database.";

/** The advice for a database that a salvage replaces. `result` says what the new database will contain. */
export function swapAdvice(result: string): string {
  return `Stop every opencode, then run \`opencode-session-repair salvage --swap\`: ${result}`;
}

/** The advice if there is not enough space for a private copy of a database. */
export function nameFolder(command: string): string {
  return `Name a folder with enough space: \`TMPDIR=/folder ${command}\`.`;
}

/** Which versions do not understand the list of migrations of opencode 1.2.1 to 1.2.20. */
export const STOP_ON_OLD_JOURNAL = "opencode 1.17 and 1.18.3 to 1.18.23 stop with `no such column: name`.";

export const KEEP_THE_DATABASE = "Do not delete the database.";
