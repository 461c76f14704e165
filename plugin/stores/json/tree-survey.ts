import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { refusalOf } from "../../platform/permissions.ts";
import { entryNow, readNow, targetStatNow } from "../../platform/read-now.ts";
import { copiedRecordID } from "../../records/copied-name.ts";
import { fileText } from "../../records/file-text.ts";
import type { SessionEntry } from "../store.ts";
import type { Survey, SurveyedProject } from "../survey.ts";
import { isMessageRecord, listRecordFiles, messageFolder, STORAGE, sessionFolder } from "./layout.ts";
import type { RecordTree } from "./record-tree.ts";

/** Session and project files are much smaller than this, unless they are damaged. */
const LARGEST_SURVEYED_BYTES = 4 * 1024 * 1024;

/**
 * After this number of files, the survey pauses, so that other work of the process can run. The survey takes a few
 * milliseconds from one pause to the next.
 */
const FILES_AT_ONCE = 256;

/**
 * Facts about all files together, such as the folders of each project. `isAlone`: this process has no other work, so
 * files may be read synchronously.
 */
export async function surveyTree(tree: RecordTree, isAlone: boolean): Promise<Survey> {
  const folders = await tree.projectFolders();
  // opencode reads no copy of a project's folder, and lists the sessions from the original.
  const own = folders.filter((id) => !folders.includes(copiedRecordID(id) ?? ""));
  const projects = await Promise.all(own.map((id) => surveyProject(tree, id, isAlone)));
  return { projects, orphans: { messages: 0, parts: 0 }, wrappedSessions: [], database: null };
}

/** The sessions of the list that have messages but no record. */
export async function sessionsWithoutRecord(tree: RecordTree, all: readonly SessionEntry[]): Promise<string[]> {
  // If this user may not read the folder of session records, no record counts as missing.
  if (isClosed(tree, `${STORAGE}/session`)) return [];
  for (const { name, type } of (await tree.files.list(join(tree.dataDir, STORAGE, "session"))) ?? []) {
    // A file counts only if its name is the id of a project. Then the file is in the place of the project's folder of
    // sessions.
    const isOfProject = type === "directory" || (await hasProjectRecord(tree, name));
    if (isOfProject && isClosed(tree, sessionFolder(name))) return [];
  }
  // A link in the place of a record is reported by itself, and nothing is written in its place.
  const unlisted = await tree.unlistedSessions();
  const bare = all.filter(({ id, projectID }) => projectID === null && !unlisted.has(id)).map(({ id }) => id);
  const listed = await Promise.all(
    bare.map(async (id) => (await listRecordFiles(tree.files, tree.dataDir, messageFolder(id))) ?? []),
  );
  return bare.filter((_, index) => listed[index]?.some(isMessageRecord));
}

async function surveyProject(tree: RecordTree, id: string, isAlone: boolean): Promise<SurveyedProject> {
  const folders = new Map<string, number>();
  let records = 0;
  for (const path of await tree.filesIn(sessionFolder(id))) {
    records += 1;
    if (records % FILES_AT_ONCE === 0) await setImmediate();
    const directory = await textOf(tree, path, "directory", isAlone);
    if (directory !== null) folders.set(directory, (folders.get(directory) ?? 0) + 1);
  }
  // If this user may not read the folder of project records, no record counts as missing.
  const hasRecord = isClosed(tree, `${STORAGE}/project`) || (await hasProjectRecord(tree, id));
  return {
    id,
    worktree: hasRecord ? ((await textOf(tree, projectRecord(id), "worktree", isAlone)) ?? "") : null,
    sandboxes: [],
    folders: [...folders].map(([directory, sessions]) => ({ directory, sessions })),
  };
}

function projectRecord(id: string): string {
  return `${STORAGE}/project/${id}.json`;
}

async function hasProjectRecord(tree: RecordTree, id: string): Promise<boolean> {
  return (await tree.files.stat(join(tree.dataDir, projectRecord(id)))) !== null;
}

/** The text in one field of a small record; `null` if it cannot be read. */
async function textOf(tree: RecordTree, path: string, field: string, isAlone: boolean): Promise<string | null> {
  try {
    const absolute = join(tree.dataDir, path);
    const bytes = isAlone ? readNow(absolute) : await tree.files.read(absolute, LARGEST_SURVEYED_BYTES);
    const value: unknown = bytes === null || typeof bytes === "string" ? null : JSON.parse(fileText(bytes));
    const text = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[field] : null;
    return typeof text === "string" ? text : null;
  } catch {
    return null;
  }
}

/** Whether a folder cannot be read: this user may not read it, or the path leads to something that is not a folder. */
function isClosed(tree: RecordTree, folder: string): boolean {
  const path = join(tree.dataDir, folder);
  if (refusalOf(path, "read") !== null) return true;
  return entryNow(path) !== null && targetStatNow(path)?.isDirectory() !== true;
}
