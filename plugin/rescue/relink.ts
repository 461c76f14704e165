import { posix } from "node:path";
import { FOLDER_MISSING, PROJECT_MISSING } from "../faults/whereabouts.ts";
import type { PlannedSession } from "../repair/plan.ts";
import type { CellValue } from "../stores/artifact.ts";
import type { ProjectFacts } from "../stores/conversation.ts";
import type { Operation } from "../stores/writer.ts";
import { type HiddenSession, isWithin, type KnownStore } from "./hidden.ts";

/** One value that is to be changed so that a session is shown where it belongs. */
export interface Change {
  readonly table: "session" | "project";
  readonly id: string;
  readonly column: string;
  readonly from: string | number | null;
  readonly to: string | null;
}

/** A move that a user names. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * The changes that bring sessions of moved folders, and of projects with another id, back into the list. `move` is what
 * the user says; without it only what is known for sure is changed. A pure function.
 */
export function relinkChanges(target: KnownStore, hidden: readonly HiddenSession[], move: Move | null): Change[] {
  const changes: Change[] = [];
  const moves = new Map<string, string>();
  for (const { cause, sessionID, directory, projectID, suggestion } of hidden) {
    if (cause === "project-changed" && suggestion !== null) {
      changes.push({ table: "session", id: sessionID, column: "project_id", from: projectID, to: suggestion });
    }
    if (cause !== "moved" || directory === null) continue;
    const to = moved(directory, suggestion, move);
    if (to === null) continue;
    const own = target.projects.find(({ id }) => id === projectID);
    if (own !== undefined && isWithin(directory, own.worktree) && own.worktree !== "/") {
      const below = directory.slice(own.worktree.length);
      if (to.endsWith(below)) moves.set(own.id, to.slice(0, to.length - below.length));
    }
    changes.push({ table: "session", id: sessionID, column: "directory", from: directory, to });
    const other = move === null ? undefined : target.projects.find(({ worktree }) => worktree === move.to);
    if (other !== undefined && other.id !== projectID) {
      changes.push({ table: "session", id: sessionID, column: "project_id", from: projectID, to: other.id });
    }
  }
  return [...changes, ...projectChanges(target.projects, moves)];
}

function moved(directory: string, suggestion: string | null, move: Move | null): string | null {
  if (move === null) return suggestion;
  return isWithin(directory, move.from) ? move.to + directory.slice(move.from.length) : null;
}

/** A worktree belongs to one project only: where another one has it already, the moved one keeps its old one. */
function projectChanges(projects: readonly ProjectFacts[], moves: ReadonlyMap<string, string>): Change[] {
  return [...moves].flatMap(([id, to]): Change[] => {
    const from = projects.find((project) => project.id === id)?.worktree ?? null;
    if (from === to || projects.some(({ worktree }) => worktree === to)) return [];
    return [{ table: "project", id, column: "worktree", from, to }];
  });
}

/** Takes sessions out of the archive. */
export function unarchiveChanges(hidden: readonly HiddenSession[], target: KnownStore): Change[] {
  return hidden.flatMap(({ cause, sessionID }): Change[] => {
    if (cause !== "archived") return [];
    const from = target.sessions.find(({ id }) => id === sessionID)?.archivedMs ?? null;
    return [{ table: "session", id: sessionID, column: "time_archived", from, to: null }];
  });
}

/** Changes as operations on whole rows, each with the row that was seen. Rows that are gone are left out. */
export async function planChanges(target: KnownStore, changes: readonly Change[]): Promise<PlannedSession[]> {
  const rows = new Map<string, Change[]>();
  for (const change of changes) {
    const key = `${change.table} ${change.id}`;
    rows.set(key, [...(rows.get(key) ?? []), change]);
  }
  const planned: PlannedSession[] = [];
  for (const own of rows.values()) {
    const operation = await operationFor(target, own);
    if (operation !== null) {
      planned.push({ store: target.index, sessionID: operation.sessionID, operations: [operation] });
    }
  }
  return planned;
}

async function operationFor(target: KnownStore, changes: readonly Change[]): Promise<Operation | null> {
  const [first] = changes;
  if (first === undefined) return null;
  const { table, id } = first;
  const place = {
    kind: table,
    sessionID: table === "session" ? id : null,
    recordID: id,
    locator: { table, key: { id } },
  };
  const evidence = await target.opened.store.examine(place);
  if (evidence?.sha256 == null) return null;
  const cells = new Map(changes.map(({ column, to }): [string, CellValue] => [column, cellOf(to)]));
  const directory = changes.find(({ column }) => column === "directory")?.to;
  const worktree = newWorktree(target, changes, id);
  if (directory != null && worktree !== null && evidence.row !== null && Object.hasOwn(evidence.row, "path")) {
    cells.set("path", cellOf(posix.relative(worktree, directory)));
  }
  const isArchived = first.column === "time_archived";
  const fault = first.column === "project_id" ? PROJECT_MISSING : FOLDER_MISSING;
  return {
    ...place,
    code: isArchived ? "archived" : fault.code,
    evidence: changes.map(({ column }) => column).join(", "),
    remedy: "rescue",
    seen: { bytes: evidence.size, sha256: evidence.sha256 },
    replacement: { source: isArchived ? "no time of archiving" : "where the project is now", content: { cells } },
  };
}

/** The path of a session is relative to the worktree of its project, as both are after the change. */
function newWorktree(target: KnownStore, changes: readonly Change[], sessionID: string): string | null {
  const projectID =
    changes.find(({ column }) => column === "project_id")?.to ??
    target.sessions.find(({ id }) => id === sessionID)?.projectID;
  const project = target.projects.find(({ id }) => id === projectID);
  if (project === undefined) return null;
  const change = changes.find(({ column }) => column === "directory");
  if (change === undefined || typeof change.from !== "string" || change.to === null) return project.worktree;
  const below = isWithin(change.from, project.worktree) ? change.from.slice(project.worktree.length) : null;
  return below !== null && project.worktree !== "/" && change.to.endsWith(below)
    ? change.to.slice(0, change.to.length - below.length)
    : project.worktree;
}

function cellOf(value: string | null): CellValue {
  return value === null ? { storage: "null" } : { storage: "text", bytes: Buffer.from(value, "utf8") };
}
