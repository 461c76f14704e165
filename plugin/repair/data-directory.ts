import { join } from "node:path";
import { DATABASE_UNAVAILABLE, LOW_DISK_SPACE, NETWORK_FILE_SYSTEM } from "../faults/container.ts";
import type { Fault } from "../faults/fault.ts";
import { AUTH_UNREADABLE, SNAPSHOT_INDEX, SNAPSHOT_LOCK } from "../faults/side-files.ts";
import { DATABASE_COPIES } from "../faults/whereabouts.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { openersText } from "../platform/open-files.ts";
import { thisSystem } from "../platform/this-system.ts";
import type { Located } from "../stores/locate.ts";
import { databasesPutAside } from "../stores/put-aside.ts";
import { amount } from "../words/amounts.ts";
import { type StoreAtIndex, speaker } from "./store-finding.ts";

const HOUR_MS = 60 * 60 * 1000;

/** Findings about the data directory itself, such as low disk space or a network file system. */
export async function dataDirectoryFindings(
  files: FileSystem,
  located: Located,
  stores: readonly StoreAtIndex[],
  isOutside: boolean,
): Promise<ConfirmedFinding[]> {
  return [
    ...(await diskFindings(files, stores)),
    ...(await sideFileFindings(files, located.dataDir)),
    // This check is left out inside opencode, which may still have an old copy of the database open.
    ...(isOutside ? await copyFindings(files, located, stores) : []),
    ...(await folderFindings(files, located, stores)),
  ];
}

async function copyFindings(
  files: FileSystem,
  located: Located,
  [first]: readonly StoreAtIndex[],
): Promise<ConfirmedFinding[]> {
  if (first?.description.database === undefined) return [];
  const copies = await databasesPutAside(files, located);
  if (copies.length === 0) return [];
  return [speaker(first.description, first.index)(DATABASE_COPIES, "info", null, amount(copies.length, "file"))];
}

/**
 * Finds files and broken links in the place of folders below `storage/`. Files that are left over from an import are not
 * checked, because opencode no longer reads them.
 */
export async function folderFindings(
  files: FileSystem,
  { dataDir, json, databases }: Located,
  stores: readonly StoreAtIndex[],
): Promise<ConfirmedFinding[]> {
  const [ofFiles] = stores;
  if (json !== "records" || databases.length > 0 || ofFiles === undefined) return [];
  const { noFolderFindings } = await import("./no-folder.ts");
  return noFolderFindings(files, dataDir, ofFiles);
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

/**
 * A warning is shown if the disk has less free space than this, because one session of opencode can write that much.
 */
const LOW_SPACE_BYTES = 100 * 1024 * 1024;

async function diskFindings(files: FileSystem, stores: readonly StoreAtIndex[]): Promise<ConfirmedFinding[]> {
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

/**
 * The process that keeps the database locked; an empty text if there is none. This tool can still read such a database,
 * but no opencode can start with it.
 */
async function exclusiveLock(files: FileSystem, database: string): Promise<string> {
  const found = await files.stat(database).catch(() => null);
  const { openFiles } = await thisSystem();
  if (found === null || openFiles === null) return "";
  return openersText(await openFiles.exclusiveLockersOf(database, found.inode));
}

/** The name of the network file system that contains a path; `undefined` if no known network file system does. */
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

/** The problem of `auth.json`, which holds the user's keys. The content of that file is never shown. */
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

/**
 * The folders in which opencode keeps snapshots as bare git repositories. Up to 1.2 the path is `snapshot/<project>`,
 * later `snapshot/<project>/<hash of the folder>`.
 */
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
