import { join } from "node:path";
import { isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import { nodeFileSystem } from "../platform/file-system.ts";
import { copyFromRow } from "../remedies/recover/from-row.ts";
import { RecordTree } from "../stores/json/record-tree.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { DIFFS_OF_NO_SESSION } from "../words/sources.ts";

/**
 * Whether a repair would quarantine a damaged file of opencode 1.0-1.1. If so, a database may have the record that the
 * file should hold.
 */
function mayBeInRows({ kind, remedy, severity, locator, seen }: ConfirmedFinding): boolean {
  const isRecord = kind === "session" || kind === "message" || kind === "part";
  return isRecord && isFileLocator(locator) && remedy === "quarantine" && severity === "blocking" && seen !== null;
}

/**
 * Looks for the records of unreadable files in the databases of the same data directory. If a database has a copy, the
 * finding offers it. Reads only.
 */
export async function withRows(
  findings: readonly ConfirmedFinding[],
  databases: readonly OpenedStore[],
): Promise<ConfirmedFinding[]> {
  const found: ConfirmedFinding[] = [];
  for (const finding of findings) found.push(mayBeInRows(finding) ? await fromRows(finding, databases) : finding);
  return found;
}

/**
 * When a session is deleted, its file of diffs stays, but opencode no longer reads that file. So damage in the diffs of
 * a session that exists in no database and in no file is only a note. If a database cannot be read, its sessions are
 * unknown, and the severity stays. Without a database, the check of the file itself decides (`FileEvidence`).
 */
export async function unownedDiffsAsNotes(
  findings: readonly ConfirmedFinding[],
  databases: readonly OpenedStore[],
): Promise<ConfirmedFinding[]> {
  const judged: ConfirmedFinding[] = [];
  for (const finding of findings) {
    const evidence = `${finding.evidence}; ${DIFFS_OF_NO_SESSION}`;
    judged.push((await isUnownedDiff(finding, databases)) ? { ...finding, severity: "info", evidence } : finding);
  }
  return judged;
}

async function isUnownedDiff(
  { kind, locator, sessionID }: ConfirmedFinding,
  databases: readonly OpenedStore[],
): Promise<boolean> {
  if (kind !== "session_diff" || !isFileLocator(locator) || sessionID === null) return false;
  const places = databases.map((database) => (database.state === "ok" ? database.store.places : null));
  if (!places.every((each) => each?.ofSession(sessionID).size === 0)) return false;
  const folders = new Set(databases.map(({ description }) => description.dataDir));
  for (const dataDir of folders) if (await new RecordTree(nodeFileSystem, dataDir).hasSession(sessionID)) return false;
  return true;
}

async function fromRows(
  { rebuilt, ...finding }: ConfirmedFinding,
  databases: readonly OpenedStore[],
): Promise<ConfirmedFinding> {
  const { kind, sessionID, recordID, locator } = finding;
  for (const database of databases) {
    if (database.state !== "ok" || !isFileLocator(locator)) continue;
    const { dataDir } = database.description;
    const file = await nodeFileSystem.stat(join(dataDir, locator.path));
    if (file === null) continue;
    const replacement = await copyFromRow(database.store, { kind, sessionID, recordID, locator }, file.mtimeMs);
    if (replacement !== null) return { ...finding, remedy: "recover", replacement };
  }
  return rebuilt === undefined ? finding : { ...finding, rebuilt };
}
