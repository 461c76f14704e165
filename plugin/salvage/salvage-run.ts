import { basename, join } from "node:path";
import type { ManifestItem, RunFolder } from "../model/manifest-item.ts";
import { PRIVATE_FILE } from "../platform/durable.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { hashFile } from "../platform/hash.ts";
import type { RepairLock } from "../quarantine/lock.ts";
import type { Manifest } from "../quarantine/manifest.ts";
import { relativeDatabase } from "../quarantine/places.ts";
import { removeTree } from "../quarantine/retention.ts";
import { folderNameFor } from "../quarantine/run-folders.ts";
import { newRunID } from "../quarantine/run-id.ts";
import { eachRun } from "../quarantine/runs.ts";
import { createRunFolder, publishRun, readRun, writeManifest } from "../quarantine/vault.ts";
import { TAKEN_OVER, withOutcomes } from "../repair/apply.ts";
import { DatabaseFileWriter, SALVAGED, WHOLE_IN_QUARANTINE } from "../stores/sqlite/database-file-writer.ts";
import { SIDE_FILES } from "../stores/sqlite/sole-use.ts";
import { itemNumber, StoreRefusedError } from "../stores/writer.ts";
import { TOOL } from "../tool-identity.ts";
import { BEING_WRITTEN } from "../words/refusals.ts";
import type { SalvageReport } from "./salvage.ts";
import { SalvageStoppedError } from "./stopped.ts";

/** A run in the quarantine that has exact copies of the files of one damaged database. */
export interface SalvageRun {
  readonly folder: string;
  readonly manifest: Manifest;
  /** The path of the copied database. The copy of its WAL, if there is one, is next to it. */
  readonly source: string;
  readonly target: string;
}

const REPORT_FILE = "report.json";

/** The free space in bytes that a salvage needs in addition to the copy and the new database. */
const SPACE_TO_LEAVE = 64 * 1024 * 1024;

function asRun(folder: string, manifest: Manifest, database: string): SalvageRun {
  const source = join(folder, "items", `0001-${basename(database)}`);
  return { folder, manifest, source, target: join(folder, SALVAGED) };
}

/**
 * Finds an earlier salvage of exactly the same files, so that its work need not be repeated; `null` if there is none.
 */
export async function findSalvageRun(files: FileSystem, dataDir: string, database: string): Promise<SalvageRun | null> {
  const found: SalvageRun[] = [];
  for await (const run of eachRun(files, dataDir, ({ owner }) => owner === folderNameFor(null))) {
    if (!run.ok) continue;
    const { runID, holdsDatabase, state, database: named } = run.state;
    if (!holdsDatabase || state !== "rolled-back" || named !== relativeDatabase(dataDir, database)) continue;
    const stored = await readRun(files, run.folder, runID);
    if (stored.ok && (await isOf(files, stored.manifest.items, database))) {
      found.push(asRun(run.folder, stored.manifest, database));
    }
  }
  // Of several earlier salvages, the newest is used.
  return found.sort((a, b) => (a.folder < b.folder ? 1 : -1))[0] ?? null;
}

/** Whether the database files still have the size and the time that they had when they were copied. */
async function isOf(files: FileSystem, items: readonly ManifestItem[], database: string): Promise<boolean> {
  for (const suffix of ["", "-wal", "-journal"]) {
    const found = await files.stat(database + suffix);
    const item = items.find(({ locator }) => "path" in locator && locator.path === `${basename(database)}${suffix}`);
    if (found === null && item === undefined) continue;
    const original = item?.original;
    if (found === null || !original || found.size !== original.bytes) return false;
    if (new Date(found.mtimeMs).toISOString() !== original.mtime) return false;
  }
  return true;
}

/**
 * Copies a database, its WAL and its shared memory into the folder of a new run. The files of opencode are only read.
 * The caller must hold the lock. If copying fails, the folder is removed.
 * @throws StoreRefusedError if the disk has too little space, or if another process writes to the database
 * @throws SalvageStoppedError soon after a signal
 */
export async function copyAside(
  files: FileSystem,
  dataDir: string,
  database: string,
  code: string,
  evidence: string,
  signal?: AbortSignal,
): Promise<SalvageRun> {
  const found = await filesOf(files, database);
  const bytes = found.reduce((sum, file) => sum + file.size, 0);
  const free = await files.freeBytes(dataDir);
  if (free < 2.2 * bytes + SPACE_TO_LEAVE) {
    const needed = Math.ceil((2.2 * bytes + SPACE_TO_LEAVE - free) / 1e6);
    throw new StoreRefusedError("failed", `There is too little space on the disk: ${needed} MB more are needed.`);
  }
  const run = await createRunFolder(files, dataDir, null, newRunID(Date.now()));
  try {
    const items = await copiedInto(files, run, database, found, { code, evidence }, signal);
    return await publishedCopy(files, dataDir, run, database, items);
  } catch (error) {
    await removeTree(files, run.path).catch(() => undefined);
    if (signal?.aborted) throw new SalvageStoppedError(false);
    throw error;
  }
}

async function copiedInto(
  files: FileSystem,
  run: RunFolder,
  database: string,
  found: readonly DatabaseFile[],
  damage: Pick<ManifestItem, "code" | "evidence">,
  signal: AbortSignal | undefined,
): Promise<ManifestItem[]> {
  const items: ManifestItem[] = [];
  for (const [index, { suffix, size, mtimeMs, mode }] of found.entries()) {
    // A rollback journal gets another name. Under its own name, SQLite would apply it to the copy.
    const file = `items/0001-${basename(database)}${suffix === "-journal" ? ".journal" : suffix}`;
    await files.copyNew(database + suffix, join(run.path, file), PRIVATE_FILE, signal);
    await files.syncFile(join(run.path, file));
    const original = await hashFile(files, join(run.path, file), signal);
    const now = await files.stat(database + suffix);
    if (suffix !== "-shm" && (now?.size !== size || now.mtimeMs !== mtimeMs || original.bytes !== size)) {
      throw new StoreRefusedError("busy", `${BEING_WRITTEN} Close every opencode and try again.`);
    }
    items.push({
      id: itemNumber(index),
      kind: "database",
      recordID: null,
      locator: { path: `${basename(database)}${suffix}` },
      ...damage,
      remedy: "recover",
      state: "rolled-back",
      original: { file, ...original, mtime: new Date(mtimeMs).toISOString(), mode: mode.toString(8).padStart(3, "0") },
    });
  }
  return items;
}

async function publishedCopy(
  files: FileSystem,
  dataDir: string,
  run: RunFolder,
  database: string,
  items: readonly ManifestItem[],
): Promise<SalvageRun> {
  const manifest: Manifest = {
    schemaVersion: 1,
    runID: basename(run.path).replace(/^\.preparing-/, ""),
    sessionID: null,
    createdAt: new Date().toISOString(),
    trigger: "cli",
    tool: TOOL,
    host: null,
    store: { generation: "sqlite", contract: "strict", database: relativeDatabase(dataDir, database) },
    // Only copies were made so far, and opencode's files are all in place.
    state: "rolled-back",
    safetyCopy: WHOLE_IN_QUARANTINE,
    items: [...items],
  };
  const { path } = await publishRun(files, run, manifest);
  return asRun(path, manifest, database);
}

interface DatabaseFile {
  readonly suffix: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
}

async function filesOf(files: FileSystem, database: string): Promise<DatabaseFile[]> {
  const found: DatabaseFile[] = [];
  for (const suffix of ["", ...SIDE_FILES]) {
    const stat = await files.stat(database + suffix);
    if (stat === null) continue;
    if (stat.type !== "file") {
      const what =
        stat.type === "symlink" ? "a symbolic link: use --db with the file that it leads to" : "no plain file";
      throw new StoreRefusedError("busy", `${basename(database)}${suffix} is ${what}.`);
    }
    found.push({ suffix, ...stat });
  }
  return found;
}

/** The report of an earlier salvage, if its new database is complete; otherwise `null`. */
export async function finishedReport(files: FileSystem, run: SalvageRun): Promise<SalvageReport | null> {
  if ((await files.stat(run.target)) === null) return null;
  const bytes = await files.read(join(run.folder, REPORT_FILE));
  if (typeof bytes === "string") return null;
  try {
    const report = JSON.parse(bytes.toString("utf8")) as SalvageReport;
    // A report that lacks these fields was written by an older version of this tool, and cannot be used.
    return "lostSessions" in report && "emptyColumns" in report ? report : null;
  } catch {
    return null;
  }
}

/** Forces the new database to disk, and writes the report, which shows that the database is complete. */
export async function finishSalvage(files: FileSystem, run: SalvageRun, report: SalvageReport): Promise<void> {
  await files.chmod(run.target, PRIVATE_FILE);
  await files.syncFile(run.target);
  await files.writeNew(join(run.folder, REPORT_FILE), Buffer.from(JSON.stringify(report)), PRIVATE_FILE);
  await files.syncDirectory(run.folder);
}

/** Removes the incomplete new database that an interrupted salvage has left. */
export async function discardUnfinished(files: FileSystem, run: SalvageRun): Promise<void> {
  for (const { name } of (await files.list(run.folder)) ?? []) {
    if (name.startsWith(SALVAGED) || name === REPORT_FILE) await files.unlink(join(run.folder, name));
  }
}

/**
 * Replaces the damaged database with the new one. The damaged files move to the folder of the run. The caller must hold
 * the lock. A signal is obeyed only before the first change. @throws SalvageStoppedError
 */
export async function swapIn(
  files: FileSystem,
  run: SalvageRun,
  database: string,
  lock: Pick<RepairLock, "isHeld">,
  signal?: AbortSignal,
): Promise<Manifest> {
  const writer = new DatabaseFileWriter(files, database, run.manifest.items);
  await writer.refuseWhileOpen();
  const content = await hashFile(files, run.target, signal).catch((error: unknown) => {
    throw signal?.aborted ? new SalvageStoppedError(true) : error;
  });
  const items = run.manifest.items.map((item) => ({
    ...item,
    state: "planned" as const,
    ...(item.locator && "path" in item.locator && item.locator.path === basename(database)
      ? { replacement: { source: "the data salvaged from it", ...content } }
      : {}),
  }));
  const planned: Manifest = { ...run.manifest, state: "planned", items };
  // Building the new database took a long time, so another process may have taken the lock over.
  if (!(await lock.isHeld())) throw new StoreRefusedError("busy", TAKEN_OVER.message);
  await writeManifest(files, run.folder, planned);
  try {
    const done = withOutcomes(planned, await writer.setAside(items, run.folder));
    await writeManifest(files, run.folder, done);
    return done;
  } catch (error) {
    await undo(files, run, writer, planned).catch(() => undefined);
    throw error;
  }
}

/**
 * Finds out which files of an interrupted swap are back in place, and writes that to the manifest. If that fails, the
 * items stay `planned`, and the next process that takes the lock finds out.
 */
async function undo(files: FileSystem, run: SalvageRun, writer: DatabaseFileWriter, planned: Manifest): Promise<void> {
  await writer.settle(run.folder);
  const outcomes = [];
  for (const item of planned.items) {
    const seen = await writer.observe(item, run.folder);
    outcomes.push({ id: item.id, state: seen === "live" ? ("rolled-back" as const) : ("done" as const) });
  }
  await writeManifest(files, run.folder, withOutcomes(planned, outcomes));
}
