import { basename } from "node:path";
import { openStores } from "../stores/open.ts";
import type { DatabaseStore } from "../stores/store.ts";
import { type ExportedFor2x, exportMissing } from "../upgrade/export-missing.ts";
import { missingIn2x } from "../upgrade/missing.ts";
import type { MissingCause, MissingIn2x } from "../upgrade/twins.ts";
import { plural } from "../words/amounts.ts";
import { inOnePiece } from "../words/text-layout.ts";
import type { CommandContext } from "./context.ts";

const HEADINGS: Readonly<Record<MissingCause, string>> = {
  "never-arrived": "in the tables of opencode 1.x, and not in those of 2.x",
  "arrived-with-losses": "that lack messages or parts in opencode 2.x",
  continued: "that were continued in opencode 1.x after the upgrade",
};

const NOT_AGAIN =
  "The state of the import in 2.x (table kv) is not changed. Otherwise 2.x would replace messages that it already has, and delete opencode's log.";

/**
 * The sessions and records of opencode 1.x that are missing in opencode 2.x, although 2.x has upgraded this database.
 * The list is empty for any other database.
 */
export async function missingHere(
  context: CommandContext,
  into: string | null,
  sessionIDs: readonly string[],
): Promise<readonly MissingIn2x[]> {
  return (await upgraded(context, into, async (store) => missingIn2x(store, sessionIDs, context.signal))) ?? [];
}

/**
 * Writes the sessions of opencode 1.x that opencode 2.x lacks, in whole or in part, to files for `opencode session
 * import` of opencode 2. Returns `null` if the command was stopped before all files were written.
 */
export async function exportedFor2x(
  context: CommandContext,
  into: string | null,
  sessionIDs: readonly string[],
  folder: string,
): Promise<readonly ExportedFor2x[] | null> {
  const work = (store: DatabaseStore) => exportMissing(context.files, store, sessionIDs, folder, context.signal);
  const outcome = await upgraded(context, into, work);
  return outcome === undefined ? [] : outcome;
}

/** Opens the database and does `work` if opencode 2.x has upgraded it. Otherwise returns `undefined`. */
async function upgraded<T>(
  { files, located }: CommandContext,
  into: string | null,
  work: (store: DatabaseStore) => Promise<T>,
): Promise<T | undefined> {
  const { databases } = located;
  const database = into === null ? databases[0] : databases.find((each) => each === into || basename(each) === into);
  if (database === undefined) return undefined;
  const [opened] = await openStores(files, { ...located, json: "none", databases: [database] }, "outside");
  if (opened?.state !== "ok") return undefined;
  try {
    const store = opened.origin?.kind === "1.x and 2.x" ? opened.store.asDatabase : null;
    return store === null ? undefined : await work(store);
  } finally {
    opened.store.close();
  }
}

/** The list of missing sessions and their reasons, for people. The text is empty if nothing is missing. */
export function missingText(missing: readonly MissingIn2x[], command: string): string {
  if (missing.length === 0) return "";
  const lines: string[] = [];
  for (const [cause, heading] of Object.entries(HEADINGS)) {
    const own = missing.filter((each) => each.cause === cause);
    if (own.length === 0) continue;
    lines.push("", `${plural(own.length, "session")} ${heading}`);
    for (const { sessionID, messages, parts, why, missing: records } of own) {
      lines.push(`  ${sessionID}  ${plural(messages, "message")}, ${plural(parts, "part")}: ${why}`);
      lines.push(...reasons(records));
    }
  }
  return [...lines.slice(1), "", `To bring these sessions into opencode 2: ${command}`, NOT_AGAIN].join("\n");
}

/** The reasons why records are missing, counted, because there may be very many. */
function reasons(records: MissingIn2x["missing"]): string[] {
  const counted = new Map<string, number>();
  for (const { kind, why } of records) counted.set(`${kind}: ${why}`, (counted.get(`${kind}: ${why}`) ?? 0) + 1);
  return [...counted].map(([words, count]) => `    ${count.toLocaleString("en-US")} × ${words}`);
}

/** The files that were written and what to do with them, for people. */
export function exportedText(sessions: readonly ExportedFor2x[]): string[] {
  if (sessions.length === 0) return [];
  return [
    `Wrote ${plural(sessions.length, "file")} for opencode 2; run \`opencode session import FILE\` in the folder of each session, in this order:`,
    ...sessions.flatMap(({ path, directory, cause, leftOut }) => [
      ...fileLines({ path, directory }),
      ...(cause === "never-arrived" ? [] : ["    a copy with new ids, because opencode 2 has this session already"]),
      ...(leftOut.length === 0 ? [] : [`    ${plural(leftOut.length, "record")} could not be brought in`]),
    ]),
    NOT_AGAIN,
  ];
}

/** The whole path of a written file, to copy, and the folder in which the user imports it. */
export function fileLines({ path, directory }: Pick<ExportedFor2x, "path" | "directory">): string[] {
  return [`  ${inOnePiece(path)}`, ...(directory === null ? [] : [`    in the folder ${inOnePiece(directory)}`])];
}
