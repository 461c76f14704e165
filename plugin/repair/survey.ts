import { isAbsolute, join } from "node:path";
import {
  DATABASE_MALFORMED,
  DATABASE_UNAVAILABLE,
  LOW_DISK_SPACE,
  MIGRATION_FAILING,
  NETWORK_FILE_SYSTEM,
  SCHEMA_OLDER,
  WAL_DAMAGED,
} from "../faults/container.ts";
import type { Fault } from "../faults/fault.ts";
import { AUTH_UNREADABLE, SNAPSHOT_INDEX, SNAPSHOT_LOCK } from "../faults/side-files.ts";
import { EVENT_BLOAT, LARGE_WAL } from "../faults/size.ts";
import {
  COLUMNS_MISSING,
  EVENT_SEQUENCE_BEHIND,
  MIGRATION_UNRECORDED,
  OLD_JOURNAL,
  OLDER_OPENCODE,
} from "../faults/skew.ts";
import {
  DATABASE_COPIES,
  DUPLICATE_PROJECT,
  FOLDER_MISSING,
  MESSAGE_ID_WRAP,
  NOT_IMPORTED,
  ORPHANS,
  PROJECT_MISSING,
  SEVERAL_DATABASES,
} from "../faults/whereabouts.ts";
import { hostLine } from "../hosts/store-line.ts";
import type { Locator, RecordKind } from "../model/artifact.ts";
import type { ConfirmedFinding, Severity } from "../model/finding.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { exclusiveLockersOf, openersText } from "../platform/openers.ts";
import { amount } from "../plural.ts";
import { unreadLog } from "../salvage/write-ahead-log.ts";
import type { Located } from "../stores/locate.ts";
import type { OpenedStore } from "../stores/open.ts";
import { databasesPutAside } from "../stores/put-aside.ts";
import type { SessionEntry, Store } from "../stores/store.ts";
import type { Survey, SurveyedProject } from "../stores/survey.ts";

type OpenStore = OpenedStore & { state: "ok" };

const GIGABYTE = 1024 ** 3;
const HOUR_MS = 60 * 60 * 1000;

/** What a survey comes to. `contentBytes`: what the messages, parts and session columns of the store hold. */
export async function surveyStore(
  files: FileSystem,
  opened: OpenStore,
  store: number,
  survey: Survey,
  contentBytes: number,
): Promise<ConfirmedFinding[]> {
  const say = speaker(opened.description, store);
  return [
    ...(await projectFindings(files, opened.store, survey, say)),
    ...survey.wrappedSessions.map((id) => say(MESSAGE_ID_WRAP, "info", sessionPlace(opened, id), "ids begin anew")),
    ...orphanFindings(survey, say),
    ...(await databaseFindings(files, opened, survey, contentBytes, say)),
  ];
}

/** What of a database's log SQLite cannot read. Opens the log: never inside the host. */
export function surveyLog(description: StoreDescription, store: number): ConfirmedFinding[] {
  const evidence = description.database === undefined ? null : unreadLog(description.database);
  return evidence === null ? [] : [speaker(description, store)(WAL_DAMAGED, "warning", null, evidence)];
}

/** A store of a data directory. */
export interface Surveyed {
  readonly description: StoreDescription;
  /** Index in the answer. */
  readonly index: number;
}

/** The same, looked at as a whole. */
interface Neighbour extends Surveyed {
  readonly sessions: readonly SessionEntry[];
}

/** What concerns the data directory, whatever its stores say. */
export async function surveyDataDir(
  files: FileSystem,
  located: Located,
  stores: readonly Surveyed[],
  isOutside: boolean,
): Promise<ConfirmedFinding[]> {
  return [
    ...(await diskFindings(files, stores)),
    ...(await sideFileFindings(files, located.dataDir)),
    // A host may have one of them open still, under its old name.
    ...(isOutside ? await copyFindings(files, located, stores) : []),
  ];
}

async function copyFindings(
  files: FileSystem,
  located: Located,
  [first]: readonly Surveyed[],
): Promise<ConfirmedFinding[]> {
  const copies = first?.description.generation === "sqlite" ? await databasesPutAside(files, located) : [];
  if (first === undefined || copies.length === 0) return [];
  return [speaker(first.description, first.index)(DATABASE_COPIES, "info", null, amount(copies.length, "file"))];
}

interface Place {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
}

type Say = (fault: Fault, severity: Severity, place: Place | null, evidence: string) => ConfirmedFinding;

/** `null` as the place stands for the store as a whole. */
function speaker(description: StoreDescription, store: number): Say {
  const whole = wholeStore(description);
  return (fault, severity, place, evidence) => ({
    code: fault.code,
    severity,
    ...(place ?? whole),
    remedy: fault.remedy,
    evidence,
    store,
    writtenMs: null,
    seen: null,
    replacement: null,
  });
}

function wholeStore({ database }: StoreDescription): Place {
  const path = database === undefined ? "storage" : database.replace(/^.*[\\/]/, "");
  return { kind: "database", sessionID: null, recordID: null, locator: { path } };
}

function sessionPlace({ description }: OpenStore, id: string): Place {
  const locator: Locator =
    description.generation === "sqlite" ? { table: "session", key: { id } } : { path: `storage/message/${id}` };
  return { kind: "session", sessionID: id, recordID: id, locator };
}

async function projectFindings(files: FileSystem, from: Store, survey: Survey, say: Say): Promise<ConfirmedFinding[]> {
  const findings: ConfirmedFinding[] = [];
  const firstIn = new Map<string, string>();
  for (const project of survey.projects) {
    const place: Place = {
      kind: "project",
      sessionID: null,
      recordID: project.id,
      locator:
        survey.database === null
          ? { path: `storage/project/${project.id}.json` }
          : { table: "project", key: { id: project.id } },
    };
    const sessions = project.folders.reduce((sum, folder) => sum + folder.sessions, 0);
    if (sessions === 0) continue;
    if (project.worktree === null) {
      // Loaded where something is made anew, zod with it.
      const { projectFromSessions } = await import("./rebuild.ts");
      // The project "global" takes the sessions of folders without git; hosts of files never write it before it is needed.
      const rebuilt = await projectFromSessions(from, project.id).catch(() => null);
      const found = say(PROJECT_MISSING, "warning", place, amount(sessions, "session"));
      const source = "rebuilt from what the sessions of the project state";
      findings.push(
        rebuilt === null
          ? { ...found, remedy: "report" }
          : { ...found, replacement: { source, content: rebuilt.content } },
      );
    } else if (project.worktree !== "" && project.worktree !== "/") {
      const other = firstIn.get(project.worktree);
      if (other === undefined) firstIn.set(project.worktree, project.id);
      else
        findings.push(say(DUPLICATE_PROJECT, "info", place, `${amount(sessions, "session")}, the other is ${other}`));
    }
    const gone = await missingFolders(files, project);
    if (gone.sessions > 0) {
      findings.push(
        say(FOLDER_MISSING, "info", place, `${amount(gone.sessions, "session")} in ${amount(gone.folders, "folder")}`),
      );
    }
  }
  return findings;
}

async function missingFolders(
  files: FileSystem,
  project: SurveyedProject,
): Promise<{ readonly sessions: number; readonly folders: number }> {
  let [sessions, folders] = [0, 0];
  for (const folder of project.folders) {
    if (!isAbsolute(folder.directory) || (await exists(files, folder.directory))) continue;
    sessions += folder.sessions;
    folders += 1;
  }
  return { sessions, folders };
}

async function exists(files: FileSystem, path: string): Promise<boolean> {
  // A folder that may not be looked at is there.
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
  const { missingColumns, missingWrittenColumns, unrecordedMigrations } = database;
  // Measured on 1.18.33: it does not start. Older hosts do not run that migration.
  const stops: Severity = hostLine(opened.description).journal === "migration" ? "blocking" : "warning";
  if (missingColumns.length > 0) {
    findings.push(say(COLUMNS_MISSING, "blocking", null, `without ${missingColumns.slice(0, 5).join(", ")}`));
  }
  if (missingWrittenColumns.length > 0) {
    const evidence = `without ${missingWrittenColumns.slice(0, 5).join(", ")}, sessions load; ${stoppedWithout(missingWrittenColumns)}`;
    findings.push(say(COLUMNS_MISSING, "warning", null, evidence));
  }
  if (unrecordedMigrations.length > 0) {
    findings.push(say(MIGRATION_UNRECORDED, "blocking", null, unrecordedMigrations.join(", ")));
  }
  if (database.triedByOlder) {
    findings.push(say(OLDER_OPENCODE, "warning", null, "an empty __drizzle_migrations beside the table migration"));
  }
  if (database.sessionsBehindLog > 0) {
    findings.push(say(EVENT_SEQUENCE_BEHIND, "warning", null, amount(database.sessionsBehindLog, "session")));
  }
  if (database.damage !== null) findings.push(say(DATABASE_MALFORMED, "blocking", null, database.damage));
  if (database.missingOldColumns.length > 0) {
    findings.push(say(SCHEMA_OLDER, "warning", null, `without ${database.missingOldColumns.slice(0, 5).join(", ")}`));
  }
  for (const { messageID, sessionID } of database.stoppingMigration) {
    const locator: Locator = { table: "message", key: { id: messageID } };
    const place: Place = { kind: "message", sessionID, recordID: messageID, locator };
    findings.push(say(MIGRATION_FAILING, stops, place, "20260510033149_session_usage reads it"));
  }
  if (database.hasOldJournal) findings.push(say(OLD_JOURNAL, "info", null, "no column name"));
  const wal = (await files.stat(`${opened.description.database}-wal`))?.size ?? 0;
  if (wal > GIGABYTE) findings.push(say(LARGE_WAL, "warning", null, gigabytes(wal)));
  const other = database.bytes - database.freeBytes - contentBytes;
  if (other > GIGABYTE && other > 2 * contentBytes) {
    const evidence = `${gigabytes(database.bytes)}, of which conversations ${gigabytes(contentBytes)}`;
    findings.push(say(EVENT_BLOAT, "info", null, evidence));
  }
  return findings;
}

/** A workspace is looked for where a project gets another id: a new remote, another first commit. */
function stoppedWithout(columns: readonly string[]): string {
  return columns.every((column) => column.startsWith("workspace."))
    ? "everything fails once the id of a project changes"
    : "a prompt fails";
}

function gigabytes(bytes: number): string {
  return `${(bytes / GIGABYTE).toFixed(1)} GB`;
}

/** What concerns several stores of a data directory. */
export function storesBesideEachOther(stores: readonly Neighbour[]): ConfirmedFinding[] {
  const findings: ConfirmedFinding[] = [];
  const databases = stores.filter((store) => store.description.generation === "sqlite");
  // The one that opencode opens by default is the first, whether it holds sessions or not.
  for (const { description, index, sessions } of databases.slice(1)) {
    if (sessions.length === 0) continue;
    const evidence = `${amount(sessions.length, "session")} here`;
    findings.push(speaker(description, index)(SEVERAL_DATABASES, "info", null, evidence));
  }
  const files = stores.find((store) => store.description.generation === "json");
  if (files === undefined || databases.length === 0) return findings;
  const known = new Set(databases.flatMap((store) => store.sessions.map((session) => session.id)));
  const missing = files.sessions.filter((session) => session.projectID !== null && !known.has(session.id));
  if (missing.length === 0) return findings;
  const say = speaker(files.description, files.index);
  return [...findings, say(NOT_IMPORTED, "warning", null, amount(missing.length, "session"))];
}

const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB",
  16914839: "9P",
  12805120: "Ceph",
  1397113167: "AFS",
};

/** Less than this is soon gone: one session of opencode writes as much. */
const LOW_SPACE_BYTES = 100 * 1024 * 1024;

async function diskFindings(files: FileSystem, stores: readonly Surveyed[]): Promise<ConfirmedFinding[]> {
  const findings: ConfirmedFinding[] = [];
  for (const { description, index } of stores) {
    const { database } = description;
    const say = speaker(description, index);
    const network = database === undefined ? undefined : await networkFileSystemOf(files, database);
    const locked = database === undefined ? "" : await exclusiveLock(files, database);
    if (locked !== "") findings.push(say(DATABASE_UNAVAILABLE, "warning", null, `locked by ${locked}`));
    if (network !== undefined) findings.push(say(NETWORK_FILE_SYSTEM, "warning", null, network));
    const free = await files.freeBytes(database ?? description.dataDir).catch(() => null);
    if (free === null || free >= LOW_SPACE_BYTES || index > 0) continue;
    findings.push(say(LOW_DISK_SPACE, "warning", null, `${Math.floor(free / 1e6)} MB free`));
  }
  return findings;
}

/** Without a WAL a locked database can still be read, and no opencode can start with it. */
async function exclusiveLock(files: FileSystem, database: string): Promise<string> {
  const found = await files.stat(database).catch(() => null);
  return found === null ? "" : openersText(await exclusiveLockersOf(database, found.inode));
}

/** The name of the network file system that a path is on; `undefined` where it is on none that is known. */
export async function networkFileSystemOf(files: FileSystem, path: string): Promise<string | undefined> {
  return NETWORK_FILE_SYSTEMS[await files.fileSystemType(path).catch(() => 0)];
}

async function sideFileFindings(files: FileSystem, dataDir: string): Promise<ConfirmedFinding[]> {
  const findings: ConfirmedFinding[] = [];
  const say = (fault: Fault, path: string, evidence: string) =>
    findings.push({
      code: fault.code,
      severity: "warning",
      sessionID: null,
      kind: "side_file",
      recordID: null,
      locator: { path },
      remedy: fault.remedy,
      evidence,
      store: 0,
      writtenMs: null,
      seen: null,
      replacement: null,
    });
  const auth = await authProblem(files, join(dataDir, "auth.json"));
  if (auth !== null) say(AUTH_UNREADABLE, "auth.json", auth);
  for (const path of await snapshotRepositories(files, dataDir)) {
    const lock = await files.stat(join(dataDir, path, "index.lock")).catch(() => null);
    const age = lock === null ? 0 : Date.now() - lock.mtimeMs;
    if (age > HOUR_MS) say(SNAPSHOT_LOCK, `${path}/index.lock`, `${amount(Math.round(age / HOUR_MS), "hour")} old`);
    if (await isNoGitIndex(files, join(dataDir, path, "index"))) say(SNAPSHOT_INDEX, `${path}/index`, "no DIRC");
  }
  return findings;
}

/** What is wrong with the keys' file: never what is in it. */
async function authProblem(files: FileSystem, path: string): Promise<string | null> {
  try {
    const bytes = await files.read(path, LARGEST_AUTH_BYTES);
    if (bytes === "absent" || bytes === "too-large") return null;
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? null : "not an object";
  } catch (error) {
    return error instanceof SyntaxError ? "not JSON" : null;
  }
}

const LARGEST_AUTH_BYTES = 4 * 1024 * 1024;

/** `snapshot/<project>` up to 1.2, `snapshot/<project>/<folder's hash>` later: bare repositories. */
async function snapshotRepositories(files: FileSystem, dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const project of await foldersIn(files, dataDir, "snapshot")) {
    const inner = await foldersIn(files, dataDir, project);
    if (inner.includes(`${project}/objects`)) found.push(project);
    else found.push(...inner);
  }
  return found;
}

async function foldersIn(files: FileSystem, dataDir: string, path: string): Promise<string[]> {
  const entries = (await files.list(join(dataDir, path)).catch(() => null)) ?? [];
  return entries.filter((entry) => entry.type === "directory").map((entry) => `${path}/${entry.name}`);
}

async function isNoGitIndex(files: FileSystem, path: string): Promise<boolean> {
  try {
    for await (const head of files.readChunks(path)) return head.subarray(0, 4).toString("latin1") !== "DIRC";
    return false;
  } catch {
    return false;
  }
}
