import { join } from "node:path";
import { FILE_IS_FOLDER, FOLDER_IS_FILE } from "../faults/access.ts";
import type { Fault } from "../faults/fault.ts";
import { diffReading } from "../hosts/store-line.ts";
import type { ConfirmedFinding, Severity } from "../model/finding.ts";
import { type DirectoryEntry, errnoCode, type FileSystem } from "../platform/file-system.ts";
import { deadLinkNow, entryNow, leadsToNewFile, targetStatNow } from "../platform/read-now.ts";
import { STORAGE } from "../stores/json/layout.ts";
import { amount } from "../words/amounts.ts";
import { insteadOfFile } from "../words/sources.ts";
import { type StoreAtIndex, speaker } from "./store-finding.ts";

/**
 * A folder that opencode 1.0-1.1 needs, and what opencode does if there is a file instead (measured on 1.0.152 and
 * 1.1.65).
 */
interface FolderPlace {
  readonly severity: Severity;
  readonly does: string;
}

const ROOT: FolderPlace = { severity: "blocking", does: "opencode answers every request with an error" };

const FOLDERS: Readonly<Record<string, FolderPlace>> = {
  project: ROOT,
  session: { severity: "blocking", does: "opencode lists no session and creates none" },
  message: { severity: "blocking", does: "opencode shows every session without its messages" },
  part: { severity: "blocking", does: "opencode shows every message empty" },
  todo: { severity: "warning", does: "opencode shows no list of todos" },
  session_diff: { severity: "warning", does: "opencode shows no changed files" },
};

/** How 1.0.61 treats the folder with the diffs, if the system refuses to look for a file in it (measured). */
const DIFFS_FAIL: FolderPlace = { severity: "blocking", does: "GET /session/:id/diff fails for every session" };

/**
 * What opencode does if it can neither read nor write the record of a project (measured on 1.0.0, 1.0.61, 1.0.98,
 * 1.0.152 and 1.1.65).
 */
const PROJECT_FILE: FolderPlace = {
  severity: "blocking",
  does: "opencode answers every request in the folder of this project with an error",
};

interface Nested extends FolderPlace {
  /** What opencode does if many of these folders are files. */
  readonly doesToMany: string;
  /** The form of the folder names that opencode uses below this folder. */
  readonly named: RegExp;
  /**
   * Whether a record exists that makes opencode read the folder of this name. Without such a record, a file does no
   * harm.
   */
  isRead(name: string, files: FileSystem, storage: string): Promise<boolean>;
}

const NESTED: Readonly<Record<string, Nested>> = {
  session: {
    severity: "blocking",
    does: "opencode lists no session of this project and creates none",
    doesToMany: "opencode lists no session of these projects and creates none",
    named: /^[A-Za-z0-9_-]+$/,
    isRead: async (name, _files, storage) => isFile(join(storage, "project", `${name}.json`)),
  },
  message: {
    severity: "blocking",
    does: "opencode shows this session without its messages",
    doesToMany: "opencode shows these sessions without their messages",
    named: /^ses[A-Za-z0-9_-]*$/,
    isRead: (name, files, storage) => isInFolderOf(files, join(storage, "session"), name),
  },
  part: {
    severity: "blocking",
    does: "opencode shows this message empty",
    doesToMany: "opencode shows these messages empty",
    named: /^msg[A-Za-z0-9_-]*$/,
    isRead: (name, files, storage) => isInFolderOf(files, join(storage, "message"), name),
  },
};

/** If there are more than this many files of one kind, one finding reports all of them together. */
const MOST_TOLD = 20;

/** Finds files and broken links where opencode 1.0-1.1 needs a folder to read sessions from. */
export async function noFolderFindings(
  files: FileSystem,
  dataDir: string,
  { description, index }: StoreAtIndex,
): Promise<ConfirmedFinding[]> {
  const storage = join(dataDir, STORAGE);
  const say = (
    names: readonly string[],
    { severity, does }: FolderPlace,
    what: string,
    sessionID: string | null,
    fault: Fault = FOLDER_IS_FILE,
  ) =>
    speaker(description, index)(
      fault,
      severity,
      {
        kind: "side_file",
        sessionID,
        recordID: names.at(-1) ?? STORAGE,
        locator: { path: [STORAGE, ...names].join("/") },
      },
      `${what}; ${does}`,
    );
  const root = await files.stat(storage);
  const inPlace = root === null ? null : insteadOfFolder(storage, root.type);
  if (inPlace !== null) return [say([], ROOT, inPlace, null)];
  const findings: ConfirmedFinding[] = [];
  for (const { name, type } of await listed(files, storage)) {
    const place = FOLDERS[name];
    if (place === undefined) continue;
    const what = insteadOfFolder(join(storage, name), type);
    const nested = NESTED[name];
    if (what !== null) {
      const fails = name === "session_diff" && diffReading(description).failsUnopened;
      findings.push(say([name], fails && isRefused(join(storage, name)) ? DIFFS_FAIL : place, what, null));
    } else if (name === "project") {
      for (const each of await insteadOfProjects(files, storage)) {
        const severity = each.hasSessions ? PROJECT_FILE.severity : "warning";
        findings.push(say([name, each.name], { ...PROJECT_FILE, severity }, each.what, null, FILE_IS_FOLDER));
      }
    }
    if (what === null && nested !== undefined) {
      const found = await insteadOfNested(files, storage, name, nested);
      if (found.length > MOST_TOLD) {
        const many = { ...nested, does: nested.doesToMany };
        findings.push(say([name], many, `there are ${amount(found.length, "file")} instead of folders in it`, null));
      } else {
        for (const each of found) {
          findings.push(say([name, each.name], nested, each.what, name === "message" ? each.name : null));
        }
      }
    }
  }
  return findings;
}

/** Whether a finding of this module is about a folder or record that one of these sessions needs. */
export function concernsSessions(
  dataDir: string,
  { locator }: ConfirmedFinding,
  sessionIDs: readonly string[],
): boolean {
  const [, folder, name] = "path" in locator ? locator.path.split("/") : [];
  if (folder === undefined || name === undefined) return true;
  const storage = join(dataDir, STORAGE);
  for (const id of sessionIDs) {
    if (folder === "message" && name === id) return true;
    if (folder === "part" && isFile(join(storage, "message", id, `${name}.json`))) return true;
    const project = name.replace(/\.json$/, "");
    if (folder === "project" && isFile(join(storage, "session", project, `${id}.json`))) return true;
  }
  return false;
}

/** Finds files where opencode needs the folder of a project, session or message, below `storage/NAME`. */
async function insteadOfNested(
  files: FileSystem,
  storage: string,
  name: string,
  nested: Nested,
): Promise<readonly { readonly name: string; readonly what: string }[]> {
  const found: { readonly name: string; readonly what: string }[] = [];
  for (const entry of await listed(files, join(storage, name))) {
    if (entry.type === "directory" || !nested.named.test(entry.name)) continue;
    const what = insteadOfFolder(join(storage, name, entry.name), entry.type);
    if (what !== null && (await nested.isRead(entry.name, files, storage))) found.push({ name: entry.name, what });
  }
  return found;
}

/**
 * Finds folders and links in the place of the records of projects. opencode writes the record at each start, so a link
 * does no harm if it leads to a file, or to a place where a file can be written. `hasSessions`: `false` if it is known
 * that the project has no sessions.
 */
async function insteadOfProjects(
  files: FileSystem,
  storage: string,
): Promise<readonly { readonly name: string; readonly what: string; readonly hasSessions: boolean }[]> {
  const found: { readonly name: string; readonly what: string; readonly hasSessions: boolean }[] = [];
  for (const { name, type } of await listed(files, join(storage, "project"))) {
    const path = join(storage, "project", name);
    if ((type !== "directory" && type !== "symlink") || !/^[A-Za-z0-9_-]+\.json$/.test(name)) continue;
    const what = insteadOfRecord(path);
    if (what === null) continue;
    const sessions = join(storage, "session", name.slice(0, -5));
    // A file or a broken link in the place of the folder hides whether there are sessions.
    const isHidden = entryNow(sessions) !== null && entryAtTarget(sessions)?.isDirectory() !== true;
    found.push({ name, what, hasSessions: isHidden || (await listed(files, sessions)).length > 0 });
  }
  return found;
}

/** Describes what opencode can neither read nor write as a record. `null` if a file is there, or if it can be written. */
function insteadOfRecord(path: string): string | null {
  try {
    const target = targetStatNow(path);
    if (target !== undefined) return target.isDirectory() ? insteadOfFile("EISDIR") : null;
  } catch {
    return null;
  }
  const dead = deadLinkNow(path);
  if (dead !== null) return insteadOfFile(dead);
  return leadsToNewFile(path) ? null : "a link that leads into a folder that does not exist";
}

/** Whether something is at this path, or opening the path fails with an error other than "not found". */
function isRefused(path: string): boolean {
  const target = targetStatNow(path);
  return target !== undefined || deadLinkNow(path) !== null;
}

/**
 * Describes the file or link that is in the place of a folder. Returns `null` if the path leads to a folder, or if this
 * user may not read it.
 */
function insteadOfFolder(path: string, type: DirectoryEntry["type"]): string | null {
  if (type === "directory") return null;
  let target: ReturnType<typeof targetStatNow>;
  try {
    target = targetStatNow(path);
  } catch {
    return null;
  }
  if (target?.isDirectory()) return null;
  if (target === undefined) return type === "symlink" ? "a link that leads nowhere" : null;
  return type === "symlink" ? "a link to a file" : "a file";
}

/** The entries of a folder. If the folder cannot be listed, `access.ts` reports that. */
async function listed(files: FileSystem, folder: string): Promise<DirectoryEntry[]> {
  try {
    return (await files.list(folder)) ?? [];
  } catch (error) {
    if (errnoCode(error) === null) throw error;
    return [];
  }
}

/** Whether the path is a file, or a link that leads to one. */
function isFile(path: string): boolean {
  return entryAtTarget(path)?.isFile() === true;
}

/** What a path leads to. If this user may not follow it, `access.ts` reports that. */
function entryAtTarget(path: string): ReturnType<typeof targetStatNow> {
  try {
    return targetStatNow(path);
  } catch {
    return undefined;
  }
}

/** Whether the record with this id is in any folder below `parent`. */
async function isInFolderOf(files: FileSystem, parent: string, id: string): Promise<boolean> {
  for (const { name } of await listed(files, parent)) {
    if (isFile(join(parent, name, `${id}.json`))) return true;
  }
  return false;
}
