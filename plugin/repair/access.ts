import { basename, dirname, join, relative } from "node:path";
import { ACCESS_DENIED, QUARANTINE_DENIED, READ_ONLY_FILE_SYSTEM } from "../faults/access.ts";
import type { Fault } from "../faults/fault.ts";
import { isFileLocator, locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding, Severity } from "../model/finding.ts";
import { HAS_MODES, type MissingAccess, refusalOf } from "../platform/permissions.ts";
import { namesOrNone, targetStatNow } from "../platform/read-now.ts";
import { quarantinePath } from "../quarantine/places.ts";
import { STORAGE } from "../stores/json/layout.ts";
import type { Located } from "../stores/locate.ts";
import { plural } from "../words/amounts.ts";

/** If more than this many folders of one kind are affected, one finding reports all of them together. */
const MOST_TOLD = 20;

/**
 * The folders below `storage/` without which opencode does not show a part of the session (measured on 1.0.152 and
 * 1.1.65).
 */
const NEEDED = ["session", "message", "part", "project"];

/**
 * opencode writes its log to this folder and file. If that is not allowed, opencode does not start (measured on 1.1.65
 * and 1.18.33; the file on 1.18.33).
 */
const LOGS = ["log", "log/opencode.log"];

/**
 * Adds to the findings of a check each file that this user may not access. Each file is reported once, with its owner.
 */
export function withAccess(findings: readonly ConfirmedFinding[], located: Located): ConfirmedFinding[] {
  const denied = accessFindings(located);
  const told = new Set(denied.map(({ locator }) => locatorText(locator)));
  const others = findings
    .filter(({ code, kind, locator }) => {
      // If this user may not open a database, the check reports the database as a whole. That finding is left out if
      // the files of the database are reported one by one.
      if (code !== ACCESS_DENIED.code) return true;
      return kind === "database" ? denied.length === 0 : !told.has(locatorText(locator));
    })
    .map((each) => {
      if (each.code !== ACCESS_DENIED.code || !isFileLocator(each.locator)) return each;
      const words = refusalOf(join(located.dataDir, each.locator.path), "read")?.words;
      return { ...each, evidence: words ?? each.evidence };
    });
  return [...denied, ...others];
}

/**
 * If a checkpoint was interrupted, the database file without its log may be a mixture of two states. A check of that file
 * would call sound records damaged.
 */
const UNCHECKED_WITHOUT_LOG = "no session was checked, because the newest records may be in this log";

/**
 * The files that this user may not read or write in opencode's data directory, although opencode must. No file is
 * opened; only the names in folders are read. If the user may access everything, this function returns at once.
 */
function accessFindings(located: Located): ConfirmedFinding[] {
  const { dataDir, databases } = located;
  const found: ConfirmedFinding[] = [];
  const say = (path: string, severity: Severity, refusal: MissingAccess, sessionID: string | null = null) =>
    found.push(finding(relative(dataDir, path) || ".", severity, refusal, sessionID));
  const folders = new Set([dataDir, ...databases.map((database) => dirname(database))]);
  for (const folder of folders) {
    const refusal = refusalOf(folder, "read and write");
    if (refusal !== null) say(folder, "blocking", refusal);
    // In a read-only folder, opencode can create no file, so problems of single files need not be reported too.
    if (refusal?.what === "write-here") return found;
  }
  for (const database of databases) {
    const denied = refusalOf(database, "read");
    // If there is a folder in place of the database, another check reports that folder.
    if (denied === null && targetStatNow(database)?.isDirectory()) continue;
    for (const suffix of ["", "-wal", "-shm"]) {
      const refusal = refusalOf(database + suffix, "read and write");
      if (refusal === null) continue;
      const isLog = suffix === "-wal" && refusal.what === "read";
      const words = isLog ? `${refusal.words}; ${UNCHECKED_WITHOUT_LOG}` : refusal.words;
      say(database + suffix, "blocking", { ...refusal, words });
    }
  }
  for (const path of located.isDatabaseAlone ? [] : LOGS) {
    const refusal = refusalOf(join(dataDir, path), "read and write");
    if (refusal !== null) say(join(dataDir, path), "blocking", refusal);
  }
  // Windows does not protect folders by permission bits. root may access everything.
  if (HAS_MODES && process.geteuid?.() !== 0) {
    storageFindings(located, say);
    found.push(...quarantineFindings(dataDir));
  }
  return found;
}

/**
 * The folders of the quarantine that this user may not use. One repair with sudo leaves folders that only root may use.
 */
function quarantineFindings(dataDir: string): ConfirmedFinding[] {
  const root = quarantinePath(dataDir);
  const denied: ConfirmedFinding[] = [];
  for (const path of quarantineFolders(root)) {
    if (denied.length >= MOST_TOLD) break;
    const refusal = refusalOf(path, "read and write");
    if (refusal === null || refusal.what === "write-here") continue;
    denied.push(finding(relative(dataDir, path), "warning", refusal, null, QUARANTINE_DENIED));
  }
  return denied;
}

/** The quarantine folder, and the folders of sessions and of their repairs inside it. */
function* quarantineFolders(root: string): Iterable<string> {
  yield root;
  for (const session of namesOrNone(root)) {
    yield join(root, session);
    for (const run of namesOrNone(join(root, session))) yield join(root, session, run);
  }
}

type Say = (path: string, severity: Severity, refusal: MissingAccess, sessionID?: string | null) => void;

function storageFindings({ dataDir, json, databases }: Located, say: Say): void {
  if (json === "none") return;
  // opencode no longer reads the JSON files after it has imported them into a database.
  const isRead = json === "records" && databases.length === 0;
  const root = join(dataDir, STORAGE);
  const refusal = refusalOf(root, "read and write");
  if (refusal !== null) say(root, isRead && refusal.what === "read" ? "blocking" : "warning", refusal);
  for (const kind of namesIn(root)) {
    const folder = join(root, kind);
    const severity: Severity = isRead && NEEDED.includes(kind) ? "blocking" : "warning";
    const own = refusalOf(folder, "read and write");
    if (own !== null) say(folder, own.what === "read" ? severity : "warning", own);
    if (own?.what !== "read" && NEEDED.includes(kind)) belowFindings(folder, kind, severity, say);
  }
}

/** Reports the folders of single sessions, messages and projects that this user may not access. */
function belowFindings(folder: string, kind: string, severity: Severity, say: Say): void {
  const refused = { read: [] as string[], write: [] as string[] };
  const first: { read?: MissingAccess; write?: MissingAccess } = {};
  for (const name of namesIn(folder)) {
    if (name.endsWith(".json")) continue;
    const refusal = refusalOf(join(folder, name), "read and write");
    if (refusal === null || refusal.what === "write-here") continue;
    refused[refusal.what].push(name);
    first[refusal.what] ??= refusal;
  }
  for (const what of ["read", "write"] as const) {
    const refusal = first[what];
    if (refusal === undefined) continue;
    const level = what === "read" ? severity : "warning";
    if (refused[what].length > MOST_TOLD) {
      say(folder, level, { what, words: `${plural(refused[what].length, "folder")} in it, ${refusal.words}` });
      continue;
    }
    for (const name of refused[what]) {
      const path = join(folder, name);
      say(path, level, refusalOf(path, "read and write") ?? refusal, kind === "message" ? name : null);
    }
  }
}

function namesIn(folder: string): string[] {
  return namesOrNone(folder).filter((name) => !name.startsWith("."));
}

function finding(
  path: string,
  severity: Severity,
  refusal: MissingAccess,
  sessionID: string | null,
  denied: Fault = ACCESS_DENIED,
): ConfirmedFinding {
  const fault = refusal.what === "write-here" ? READ_ONLY_FILE_SYSTEM : denied;
  return {
    code: fault.code,
    severity,
    sessionID,
    kind: "side_file",
    recordID: path === "." ? null : basename(path),
    locator: { path },
    remedy: fault.remedy,
    evidence: refusal.words,
    store: 0,
    writtenMs: null,
    seen: null,
    replacement: null,
  };
}
