import { OPENCODE_2, OPENCODE_2_MESSAGES } from "../faults/origin.ts";
import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Origin } from "../model/origin.ts";
import type { Access, OpenedStore } from "../stores/opened-store.ts";
import { sqliteFailure } from "../stores/sqlite/sqlite-error.ts";
import type { CheckInput } from "./check-input.ts";
import { databaseFinding } from "./database-finding.ts";
import { type Input2x, type Inspected2x, inspect2x } from "./findings-2x.ts";
import { folderFindings2x } from "./folders-2x.ts";

type Readable = OpenedStore & { state: "ok" | "unread" };

/**
 * Checks the records that only opencode 2.x reads in a database. Returns `null` if this process is opencode, if there
 * are no such records, if their tables are unknown, or if pages are damaged. Another check reports damaged pages.
 */
export async function half2xOf(
  opened: Readable,
  origin: Origin | null,
  input: Pick<Input2x, "store" | "sessionIDs" | "progress"> &
    Pick<CheckInput, "files"> & { readonly signal: AbortSignal | undefined },
  access: Access,
): Promise<Inspected2x | null> {
  const { half2x } = opened;
  if (access === "beside-host" || half2x === null || origin === null) return null;
  const { signal, files, ...rest } = input;
  try {
    const { description } = opened;
    const found = await inspect2x({ half: half2x, description, origin, ...rest, ...(signal && { signal }) });
    if (found === null || found.folders.length === 0) return found;
    const gone = await folderFindings2x(files, found.profile, found.folders, rest.store);
    return { ...found, findings: [...found.findings, ...gone] };
  } catch (error) {
    if (sqliteFailure(error) === "malformed") return null;
    throw error;
  }
}

/**
 * The findings in the rows of opencode 2.x. A record that already has an error by the rules of 1.x is not reported
 * twice.
 */
export function besides(
  { findings, profile }: Inspected2x,
  said: readonly ConfirmedFinding[],
): readonly ConfirmedFinding[] {
  const known = new Set(said.flatMap(({ severity, locator }) => (severity === "blocking" ? locatorText(locator) : [])));
  const others = findings.filter(({ locator }) => !known.has(locatorText(locator)));
  // opencode 1.18 still lists these sessions, so they are not lost to the user: the severity becomes a warning.
  return others.map((each) =>
    each.kind === "session" && profile.sessionTable === "session" && each.severity === "blocking"
      ? { ...each, severity: "warning" }
      : each,
  );
}

/**
 * Tables that the check of opencode 2.x does not read. If a database has some of these tables, the report names them.
 */
const NOT_READ = [
  ...["session_pending", "event", "event_sequence", "permission", "credential", "account", "workspace", "worktree"],
];

/** Tables of opencode 1.18 that the preview of 2.x uses too. */
const OF_PREVIEW = ["session_input", "session_context_epoch"];

const OF_1X = ["project", "session", "message", "part", "todo", "event"];

/** A note that names the tables of opencode 2.x that were read, and the tables that were not read. */
export function readFinding(
  { profile, unread }: Inspected2x,
  { description, half2x }: Readable,
  origin: Origin,
  store: number,
): ConfirmedFinding {
  const tables = half2x?.schema.tables ?? new Map<string, unknown>();
  const { code } = origin.kind === "1.x with messages of 2.x" ? OPENCODE_2_MESSAGES : OPENCODE_2;
  const of1x = origin.kind === "2.x" ? [] : OF_1X;
  const known = profile.otherTables.map(({ table }) => table);
  const of2x = [
    profile.sessionTable,
    "session_message",
    ...known.filter((name) => tables.has(name) && !unread.includes(name)),
  ];
  const read = new Set([...of1x, ...of2x]);
  const others = [...NOT_READ, ...OF_PREVIEW, ...unread].filter((name) => tables.has(name) && !read.has(name));
  const evidence = `${origin.sign}; read, by the rules of ${profile.host}: ${[...read].join(", ")}; not read: ${others.join(", ")}`;
  const newer = origin.hasUnknownMigrations ? "; the database has migrations that opencode 2.0.26 does not have" : "";
  return databaseFinding({ code, severity: "info", evidence: `${evidence}${newer}` }, description, store);
}
