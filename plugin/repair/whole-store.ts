import { WORKTREE_UNREACHABLE } from "../faults/access.ts";
import { DATABASE_MALFORMED, MIGRATION_FAILING, SCHEMA_OLDER, WAL_DAMAGED } from "../faults/container.ts";
import { EVENT_BLOAT, LARGE_WAL } from "../faults/size.ts";
import { COLUMNS_MISSING, EVENT_SEQUENCE_BEHIND, MIGRATION_UNRECORDED, OLDER_OPENCODE } from "../faults/skew.ts";
import { DUPLICATE_PROJECT, FOLDER_MISSING, MESSAGE_ID_WRAP, ORPHANS, PROJECT_MISSING } from "../faults/whereabouts.ts";
import { folderKey, isFolderHere, NO_WORKTREE } from "../hosts/folder-paths.ts";
import { hostLine, pathSystem, readings, versionsOf } from "../hosts/store-line.ts";
import type { Locator } from "../model/artifact.ts";
import type { ConfirmedFinding, Severity } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import type { PathSystem, StoreDescription } from "../model/store-description.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { deadLinkNow } from "../platform/read-now.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { lastingUnreadLog } from "../stores/sqlite/pages/write-ahead-log.ts";
import type { Store } from "../stores/store.ts";
import type { DatabaseSurvey, Survey, SurveyedProject } from "../stores/survey.ts";
import { swapAdvice } from "../words/advice.ts";
import { amount } from "../words/amounts.ts";
import { GO_ON_WITH_1X } from "../words/origins.ts";
import { FROM_SESSIONS } from "../words/sources.ts";
import { type FindingPlace, type Say, speaker } from "./store-finding.ts";

type OpenStore = OpenedStore & { state: "ok" };

const GIGABYTE = 1024 ** 3;

/**
 * The findings about a store as a whole, such as missing columns or damaged pages. `contentBytes` is the size of all
 * messages, parts and session columns.
 */
export async function wholeStoreFindings(
  files: FileSystem,
  opened: OpenStore,
  store: number,
  survey: Survey,
  contentBytes: number,
): Promise<ConfirmedFinding[]> {
  const say = speaker(opened.description, store);
  return [
    ...(await projectFindings(files, opened.store, survey, say)),
    ...survey.wrappedSessions.map((id) => say(MESSAGE_ID_WRAP, "info", sessionPlace(opened, id), "ids start over")),
    ...orphanFindings(survey, say),
    ...(await databaseFindings(files, opened, survey, contentBytes, say)),
  ];
}

const MAY_BE_OLDER =
  "opencode lacks these pages. If opencode has written something since the damage, some values in these pages are older. `opencode-session-repair salvage` builds a new database from all pages, so that you can compare, and `salvage --swap` puts it in place, which can be undone.";

/**
 * An error if SQLite cannot read a part of the database's WAL: opencode then lacks what that part holds. This function
 * opens the WAL file, so it must never run inside opencode.
 */
export async function logFindings(description: StoreDescription, store: number): Promise<ConfirmedFinding[]> {
  const unread = description.database === undefined ? null : await lastingUnreadLog(description.database);
  if (unread === null) return [];
  const found = speaker(description, store)(WAL_DAMAGED, "blocking", null, unread.words);
  return [unread.mayBeOlder ? { ...found, advice: MAY_BE_OLDER } : found];
}

function sessionPlace({ description }: OpenStore, id: string): FindingPlace {
  const locator: Locator =
    description.database === undefined ? { path: `storage/message/${id}` } : { table: "session", key: { id } };
  return { kind: "session", sessionID: id, recordID: id, locator };
}

async function projectFindings(files: FileSystem, from: Store, survey: Survey, say: Say): Promise<ConfirmedFinding[]> {
  const findings: ConfirmedFinding[] = [];
  const firstIn = new Map<string, string>();
  for (const project of survey.projects) {
    const place: FindingPlace = {
      kind: "project",
      sessionID: null,
      recordID: project.id,
      locator:
        survey.database === null
          ? { path: `storage/project/${project.id}.json` }
          : { table: "project", key: { id: project.id } },
    };
    findings.push(...unreachableWorktrees(from.description, project, place, say));
    const sessions = project.folders.reduce((sum, folder) => sum + folder.sessions, 0);
    if (sessions === 0) continue;
    if (project.worktree === null) {
      // The module is loaded only if a project must be rebuilt, because it also loads zod.
      const { projectFromSessions } = await import("./rebuild.ts");
      // The project "global" stands for folders without git. opencode 1.0-1.1 writes the record of this project only
      // when opencode needs that record.
      const rebuilt = await projectFromSessions(from, project.id).catch(() => null);
      const found = say(PROJECT_MISSING, "warning", place, amount(sessions, "session"));
      findings.push(
        rebuilt === null
          ? { ...found, remedy: "report" }
          : { ...found, replacement: { source: FROM_SESSIONS, content: rebuilt.content } },
      );
    } else if (project.worktree !== "" && project.worktree !== NO_WORKTREE) {
      const folder = folderKey(pathSystem(from.description), project.worktree);
      const other = firstIn.get(folder);
      if (other === undefined) firstIn.set(folder, project.id);
      else
        findings.push(say(DUPLICATE_PROJECT, "info", place, `${amount(sessions, "session")}, the other is ${other}`));
    }
    const gone = await missingFolders(files, project, pathSystem(from.description));
    if (gone.sessions > 0) {
      findings.push(
        say(FOLDER_MISSING, "info", place, `${amount(gone.sessions, "session")} in ${amount(gone.folders, "folder")}`),
      );
    }
  }
  return findings;
}

/** Errors of a path, in words. A name that is too long is not here, because another check refuses such a record. */
const IN_THE_WAY: Readonly<Record<string, string>> = {
  ENOTDIR: "a file is in the place of a folder on the way",
  ELOOP: "links on the way form a circle",
};

/**
 * Reports a project whose other worktrees cannot be looked up. The versions that look them up then fail on every
 * request.
 */
function unreachableWorktrees(
  store: StoreDescription,
  { sandboxes }: SurveyedProject,
  place: FindingPlace,
  say: Say,
): ConfirmedFinding[] {
  const reading = readings(store).map(hostLine);
  const failing = reading.filter((line) => line.sandboxes !== "list");
  if (store.database === undefined || failing.length === 0) return [];
  const here = sandboxes.filter(isFolderHere);
  const [what] = here.flatMap((folder) => IN_THE_WAY[deadLinkNow(folder) ?? ""] ?? []);
  if (what === undefined) return [];
  const fails = `${what}; every request to a newly started opencode fails`;
  if (failing.length === reading.length) return [say(WORKTREE_UNREACHABLE, "blocking", place, fails)];
  return [{ ...say(WORKTREE_UNREACHABLE, "warning", place, fails), hosts: failing.map(versionsOf) }];
}

async function missingFolders(
  files: FileSystem,
  project: SurveyedProject,
  system: PathSystem,
): Promise<{ readonly sessions: number; readonly folders: number }> {
  let sessions = 0;
  const gone = new Set<string>();
  for (const folder of project.folders) {
    // A folder of another operating system cannot be looked up on this machine.
    if (!isFolderHere(folder.directory) || (await exists(files, folder.directory))) continue;
    sessions += folder.sessions;
    gone.add(folderKey(system, folder.directory));
  }
  return { sessions, folders: gone.size };
}

async function exists(files: FileSystem, path: string): Promise<boolean> {
  // A folder that this user may not access counts as existing.
  return files.stat(path).then(
    (found) => found !== null,
    () => true,
  );
}

function orphanFindings({ orphans }: Survey, say: Say): ConfirmedFinding[] {
  if (orphans.messages + orphans.parts === 0) return [];
  return [say(ORPHANS, "info", null, `${amount(orphans.messages, "message")}, ${amount(orphans.parts, "part")}`)];
}

async function databaseFindings(
  files: FileSystem,
  opened: OpenStore,
  { database }: Survey,
  contentBytes: number,
  say: Say,
): Promise<ConfirmedFinding[]> {
  if (database === null) return [];
  const findings: ConfirmedFinding[] = [];
  const { missingColumns, missingWrittenColumns, unrecordedMigrations, frame } = database;
  // The module is loaded only if columns or tables are missing, because it also loads the known database schemas.
  const { rebuiltJournal, rebuiltTable, isSalvageable, hasKnownJournals } =
    frame === null ? NOT_REBUILT : await import("./rebuilt-table.ts");
  const isLossAlone = frame !== null && isSalvageable(frame) && (await isOf1x(opened));
  const columnsBy = (found: ConfirmedFinding, columns: readonly string[]): ConfirmedFinding => {
    const rebuilt = rebuiltBy(found, frame && rebuiltTable(columns, frame));
    return rebuilt.remedy === "report" && isLossAlone ? { ...rebuilt, advice: SALVAGE_COLUMNS } : rebuilt;
  };
  const stops: Severity = hostLine(opened.description).upgradesOlder ? "blocking" : "warning";
  if (missingColumns.length > 0) {
    const found = say(COLUMNS_MISSING, "blocking", null, `without ${missingColumns.slice(0, 5).join(", ")}`);
    findings.push(columnsBy(found, missingColumns));
  }
  if (missingWrittenColumns.length > 0) {
    const evidence = `sessions load without ${missingWrittenColumns.slice(0, 5).join(", ")}, but ${stoppedWithout(missingWrittenColumns)}`;
    const found = say(COLUMNS_MISSING, "warning", null, evidence);
    const is2x = opened.origin?.kind === "1.x and 2.x" && missingWrittenColumns.every(isOfWorkspace);
    if (is2x) findings.push({ ...found, severity: "info", remedy: "report", advice: WORKSPACES_OF_2X });
    else findings.push(columnsBy(found, missingWrittenColumns));
  }
  const { missingColumnsOfSome: ofSome } = database;
  if (ofSome.length > 0) {
    const versions = hostLine(opened.description).someWrite?.versions ?? "";
    const evidence = `without ${ofSome.slice(0, 5).join(", ")}, sessions load; in opencode ${versions}, ${stoppedWithout(ofSome)}`;
    findings.push(columnsBy(say(COLUMNS_MISSING, "warning", null, evidence), ofSome));
  }
  if (database.neverAddedColumns.length > 0) {
    const evidence = `sessions load without ${database.neverAddedColumns.slice(0, 5).join(", ")}, but a newer opencode assumes that these columns exist, and fails`;
    const found = say(COLUMNS_MISSING, "warning", null, evidence);
    findings.push({ ...found, remedy: "report", advice: isLossAlone ? SALVAGE_COLUMNS : NEVER_ADDED });
  }
  if (unrecordedMigrations.length > 0) {
    const found = say(MIGRATION_UNRECORDED, "blocking", null, unrecordedMigrations.join(", "));
    findings.push(rebuiltBy(found, frame && rebuiltJournal(frame)));
  }
  if (database.triedByOlder) {
    findings.push(say(OLDER_OPENCODE, "warning", null, "an empty __drizzle_migrations beside the table migration"));
  }
  if (database.countersBehind.length > 0) findings.push(countersFinding(database, say));
  if (database.damage !== null) findings.push(say(DATABASE_MALFORMED, "blocking", null, database.damage));
  if (database.missingOldColumns.length > 0 && !(frame !== null && hasKnownJournals(frame))) {
    findings.push(say(SCHEMA_OLDER, "warning", null, `without ${database.missingOldColumns.slice(0, 5).join(", ")}`));
  }
  for (const { messageID, sessionID } of database.stoppingMigration) {
    const locator: Locator = { table: "message", key: { id: messageID } };
    const place: FindingPlace = { kind: "message", sessionID, recordID: messageID, locator };
    findings.push(
      say(MIGRATION_FAILING, stops, place, "the migration 20260510033149_session_usage reads this message"),
    );
  }
  if (database.oldJournal !== null) {
    const { oldJournalFindings } = await import("./old-journal.ts");
    findings.push(...oldJournalFindings(database.oldJournal, frame, say));
  }
  const wal = (await files.stat(`${opened.description.database}-wal`))?.size ?? 0;
  if (wal > GIGABYTE) findings.push(say(LARGE_WAL, "warning", null, gigabytes(wal)));
  const other = database.bytes - database.freeBytes - contentBytes;
  if (other > GIGABYTE && other > 2 * contentBytes) {
    const evidence = `${gigabytes(database.bytes)}, of which messages and parts ${gigabytes(contentBytes)}`;
    findings.push(say(EVENT_BLOAT, "info", null, evidence));
  }
  return findings;
}

/** Up to this number, sessions are named one by one. */
const MOST_SESSIONS = 3;

/** A repair changes at most this number of counters. */
const MOST_COUNTERS = 1000;

/** Sessions whose counter of events is behind, and the counters that follow from the events. */
function countersFinding({ countersBehind: all, countersDigest: before }: DatabaseSurvey, say: Say): ConfirmedFinding {
  const ids = all.length > MOST_SESSIONS ? "" : `: ${all.map(({ sessionID }) => sessionID).join(", ")}`;
  const found = say(EVENT_SEQUENCE_BEHIND, "warning", null, `${amount(all.length, "session")}${ids}`);
  if (before === null || all.length > MOST_COUNTERS) return rebuiltBy(found, null);
  const [key, column, table] = ["aggregate_id", "seq", "event_sequence"] as const;
  const rows = all.flatMap((each) => (each.stored === null ? [{ [key]: each.sessionID, [column]: each.newest }] : []));
  const values = all.flatMap(({ sessionID: id, stored: from, newest: to }) => (from === null ? [] : { id, from, to }));
  const change = { table, statement: null, rows, corrected: { key, column, values }, before };
  return rebuiltBy(found, { source: "the events of the sessions", content: { table: change } });
}

const SALVAGE_COLUMNS = swapAdvice(
  "this builds a database with these columns or tables and with all other data. The values in the missing columns are lost. You can undo the swap.",
);

const NEVER_ADDED =
  "Stay with this opencode, or keep a copy of the database before you upgrade. The database lists a migration as applied, but the columns of that migration do not exist. If you added that entry by hand, delete it from `__drizzle_migrations` or `migration`: the newer opencode then applies the migration.";

const NOT_REBUILT = {
  rebuiltJournal: () => null,
  rebuiltTable: () => null,
  isSalvageable: () => false,
  hasKnownJournals: () => false,
};

function rebuiltBy(finding: ConfirmedFinding, replacement: Replacement | null): ConfirmedFinding {
  return replacement === null ? { ...finding, remedy: "report" } : { ...finding, replacement };
}

/**
 * The migration `workspace_domain` of opencode 2.x drops the table `workspace` and creates another table of that name
 * (from the source code).
 */
const WORKSPACES_OF_2X = `opencode 2.x recreated the table \`workspace\` with other columns, but opencode 1.x still loads every session. ${GO_ON_WITH_1X}`;

function isOfWorkspace(column: string): boolean {
  return column.split(".")[0] === "workspace";
}

/**
 * Describes what fails without these columns. opencode reads the table `workspace` when a project gets another id,
 * because of a new remote or another first commit. opencode up to 1.15 writes all columns of a session when the session
 * is created. 1.17 and newer do that at every prompt.
 */
function stoppedWithout(columns: readonly string[]): string {
  if (columns.every(isOfWorkspace)) return "everything fails once the id of a project changes";
  const isOfTodo = (column: string) => column.startsWith("todo.");
  return columns.every(isOfTodo) ? "the tool todowrite fails" : "new sessions or prompts fail";
}

function gigabytes(bytes: number): string {
  return `${(bytes / GIGABYTE).toFixed(1)} GB`;
}

/**
 * Whether only opencode 1.x wrote this database. From any other database, a salvage would lose data of opencode 2.x.
 */
async function isOf1x(opened: OpenStore): Promise<boolean> {
  if (opened.origin === null) return true;
  const { withMessagesOf2x } = await import("../stores/sqlite/origin.ts");
  return withMessagesOf2x(opened.origin, opened.sessionsOf2x()).kind === "1.x";
}
