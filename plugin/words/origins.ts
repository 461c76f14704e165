import type { Origin } from "../model/origin.ts";
import type { Generation } from "../model/store-description.ts";

/** The two ways in which opencode stores sessions, in words. */
export const GENERATION_WORDS: Readonly<Record<Generation, string>> = { json: "JSON files", sqlite: "SQLite" };

/**
 * One line for the user about a database that does not belong to opencode 1.x alone; `null` for other databases.
 * `unread2x` lists tables of 2.x with an unknown form. `unread2x` is `null` if no rows of 2.x were read.
 */
export function originSentence({ kind, sign }: Origin, unread2x: readonly string[] | null = null): string | null {
  switch (kind) {
    case "1.x":
      return null;
    case "2.x":
      return `The database belongs to opencode 2.x (${sign}). ${unread2x === null ? "Its records were not read." : readOf2x(unread2x)}`;
    case "1.x and 2.x":
      return `opencode 2.x has upgraded the database (${sign}). ${unread2x === null ? ONLY_1X_READ : GO_ON_APART}`;
    case "1.x with messages of 2.x":
      return `A preview of opencode 2.x keeps messages in the database (${sign}).${unread2x === null ? " They are not read." : ""}`;
    case "newer":
      return `A newer opencode than this tool knows wrote the database (${sign}).`;
    case "other program":
      return `The database belongs to another program (${sign}).`;
    case "blank":
      return "The database has no tables.";
  }
}

/** Tables that are checked in addition to those of sessions and messages, with names that users understand. */
const CALLED: readonly (readonly [name: string, tables: readonly string[]])[] = [
  ["projects", ["project"]],
  ["settings", ["kv"]],
  ["waiting prompts", ["session_inbox"]],
  ["instructions", ["instruction_state", "instruction_entry", "instruction_blob"]],
];

function readOf2x(unread: readonly string[]): string {
  const isUnread = (tables: readonly string[]) => tables.some((table) => unread.includes(table));
  const names = (wanted: boolean) => CALLED.flatMap(([name, tables]) => (isUnread(tables) === wanted ? name : []));
  const read = listed(["sessions", "messages", ...names(false)]);
  return `Its ${read} are checked; its ${listed([...names(true), "event log", "accounts", "workspaces"])} are not.`;
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

const ONLY_1X_READ = "Only the records of 1.x are read; those of 2.x are not.";
const GO_ON_APART = "This database holds two separate copies of each session: one of 1.x and one of 2.x.";

/** The sentences about all checked databases; `null` if all of them belong to opencode 1.x alone. */
export function originsSentence(
  stores: readonly { readonly origin: Origin | null; readonly of2x?: { readonly unread: readonly string[] } }[],
): string | null {
  const sentences = stores.flatMap(({ origin, of2x }) =>
    origin === null ? [] : (originSentence(origin, of2x?.unread ?? null) ?? []),
  );
  return sentences.length === 0 ? null : [...new Set(sentences)].join(" ");
}

/** The reason why a database is not changed. */
export function notWritten(origin: Origin): string {
  return `${originSentence(origin)} Nothing is written to it.`;
}

/**
 * The reason why `salvage` refuses a database, and what to do; `null` if `salvage` may build a new one. `swap`: the new
 * database also replaces the old one.
 */
export function salvageRefusal(origin: Origin | null, swap: boolean): string | null {
  if (origin?.kind === "1.x") return swap && origin.isByRowsAlone ? ROWS_ALONE : null;
  if (origin === null) {
    return `The readable part of the file does not show that it is a database of opencode. Nothing was changed. ${KEEP}`;
  }
  const sentence = originSentence(origin);
  if (origin.kind === "blank") return `${sentence} There is nothing to salvage, and nothing was changed.`;
  if (origin.kind === "other program")
    return `${sentence} \`salvage\` works only on databases of opencode. Nothing was changed.`;
  return `${sentence} \`salvage\` cannot carry everything over from such a database, so nothing was changed. ${KEEP}`;
}

const ROWS_ALONE =
  "The file has lost its table definitions. The remaining rows do not show whether opencode 2.x kept records in the file too. So nothing was changed. Run `salvage` without --swap first, and look at the new database that it builds.";

const KEEP =
  "Keep the database file together with its -wal file. If the database is damaged, use a backup, or `sqlite3 COPY .recover` on a copy of both files.";

/** Advice for a user who wants opencode 2.x to leave a database alone. */
export const GO_ON_WITH_1X = "To continue with 1.x alone, give 1.x a database of its own (OPENCODE_DB).";

export const NAMES_DATABASE = "`opencode db path` prints the path of the database in use.";
