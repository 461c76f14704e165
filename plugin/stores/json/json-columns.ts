import { basename } from "node:path";
import type { RecordKind, RowValues } from "../../model/artifact.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import {
  isFields,
  numberIn,
  type ProjectFacts,
  parseDocument,
  type SessionColumns,
  textIn,
  valueIn,
} from "../conversation.ts";
import { readFileDocument } from "./json-conversation.ts";
import { STORAGE } from "./layout.ts";

/**
 * The records of a session in JSON files, as the columns and values that opencode's own import of these files would
 * write (read in 1.14.41). A value that the files lack is `null`.
 */
export async function readFileColumns(
  files: FileSystem,
  dataDir: string,
  sessionID: string,
  projectID: string | null,
): Promise<SessionColumns> {
  const read = async (kind: RecordKind, path: string): Promise<unknown> => {
    const document = await readFileDocument(files, dataDir, kind, `${STORAGE}/${path}.json`);
    const parsed = document === null ? null : parseDocument(document);
    return parsed?.ok === true ? parsed.value : undefined;
  };
  const info = projectID === null ? undefined : await read("session", `session/${projectID}/${sessionID}`);
  const project = projectID === null ? undefined : await read("project", `project/${projectID}`);
  return {
    session: isFields(info) ? sessionRow(sessionID, projectID, info) : null,
    project: projectID !== null && isFields(project) ? projectRow(projectID, project) : null,
    todos: todoRows(sessionID, await read("todo", `todo/${sessionID}`), numberIn(info, "time", "updated")),
    share: shareRow(
      sessionID,
      await read("side_file", `session_share/${sessionID}`),
      numberIn(info, "time", "updated"),
    ),
  };
}

function sessionRow(id: string, projectID: string | null, info: unknown): RowValues {
  return {
    id,
    project_id: projectID,
    workspace_id: null,
    parent_id: textIn(info, "parentID"),
    slug: textIn(info, "slug") ?? "",
    directory: textIn(info, "directory") ?? "",
    path: textIn(info, "path"),
    title: textIn(info, "title") ?? "",
    version: textIn(info, "version") ?? "",
    share_url: textIn(info, "share", "url"),
    summary_additions: numberIn(info, "summary", "additions"),
    summary_deletions: numberIn(info, "summary", "deletions"),
    summary_files: numberIn(info, "summary", "files"),
    summary_diffs: jsonOf(valueIn(info, "summary", "diffs")),
    revert: jsonOf(valueIn(info, "revert")),
    permission: jsonOf(valueIn(info, "permission")),
    time_created: numberIn(info, "time", "created"),
    time_updated: numberIn(info, "time", "updated"),
    time_compacting: numberIn(info, "time", "compacting"),
    time_archived: numberIn(info, "time", "archived"),
  };
}

function projectRow(id: string, project: unknown): RowValues {
  return {
    id,
    worktree: textIn(project, "worktree") ?? "/",
    vcs: textIn(project, "vcs"),
    name: textIn(project, "name"),
    icon_url: textIn(project, "icon", "url"),
    icon_url_override: textIn(project, "icon", "override"),
    icon_color: textIn(project, "icon", "color"),
    time_created: numberIn(project, "time", "created"),
    time_updated: numberIn(project, "time", "updated"),
    time_initialized: numberIn(project, "time", "initialized"),
    sandboxes: jsonOf(sandboxesOf(project)),
    commands: jsonOf(valueIn(project, "commands")),
  };
}

function sandboxesOf(project: unknown): string[] {
  const sandboxes = valueIn(project, "sandboxes");
  return Array.isArray(sandboxes) ? sandboxes.filter((each) => typeof each === "string") : [];
}

/**
 * The rows of a todo list. Entries that lack one of the three texts are left out, because opencode's import leaves them
 * out.
 */
function todoRows(sessionID: string, todos: unknown, timeMs: number | null): RowValues[] {
  if (!Array.isArray(todos)) return [];
  return todos.flatMap((todo: unknown, position) => {
    const [content, status, priority] = [textIn(todo, "content"), textIn(todo, "status"), textIn(todo, "priority")];
    if (!content || !status || !priority) return [];
    return [{ session_id: sessionID, content, status, priority, position, time_created: timeMs, time_updated: timeMs }];
  });
}

function shareRow(sessionID: string, share: unknown, timeMs: number | null): RowValues | null {
  const [id, secret, url] = [textIn(share, "id"), textIn(share, "secret"), textIn(share, "url")];
  if (!id || !secret || !url) return null;
  return { session_id: sessionID, id, secret, url, time_created: timeMs, time_updated: timeMs };
}

function jsonOf(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

export async function readFileProjects(
  files: FileSystem,
  dataDir: string,
  paths: readonly string[],
): Promise<ProjectFacts[]> {
  const projects: ProjectFacts[] = [];
  for (const path of paths) {
    const document = await readFileDocument(files, dataDir, "project", path);
    const parsed = document === null ? null : parseDocument(document);
    if (parsed?.ok !== true || !isFields(parsed.value)) continue;
    projects.push({
      id: basename(path, ".json"),
      worktree: textIn(parsed.value, "worktree") ?? "/",
      sandboxes: sandboxesOf(parsed.value),
      updatedMs: numberIn(parsed.value, "time", "updated"),
      directories: [],
    });
  }
  return projects.sort((a, b) => (b.updatedMs ?? 0) - (a.updatedMs ?? 0));
}
