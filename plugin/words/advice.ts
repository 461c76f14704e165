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
