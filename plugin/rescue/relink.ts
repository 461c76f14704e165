import { FOLDER_MISSING, PROJECT_MISSING } from "../faults/whereabouts.ts";
import {
  folderBelow,
  folderKey,
  NO_WORKTREE,
  pathBelow,
  relativePath,
  systemOfPath,
  THIS_SYSTEM,
  writtenPath,
} from "../hosts/folder-paths.ts";
import { hostLine } from "../hosts/store-line.ts";
import type { CellValue } from "../model/artifact.ts";
import { sha256 } from "../platform/hash.ts";
import type { PlannedSession } from "../repair/plan.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import type { Operation } from "../stores/writer.ts";
import type { HiddenSession } from "./hidden.ts";
import type { KnownStore } from "./known-stores.ts";
import type { Place } from "./standing.ts";
import type { Move } from "./targets.ts";

/** One column value to change, so that opencode shows a session in its right place. */
export interface ColumnChange {
  readonly table: "session" | "project";
  readonly id: string;
  readonly column: string;
  readonly from: string | number | null;
  readonly to: string | null;
}

/**
 * The changes that move sessions to their right place. Folder, project and path become what opencode would write in
 * that folder. A missing project record is added. If a project has moved, its record gets the new folder. `move` is the
 * move that the user named, or `null`. If the move leads from another operating system to this one, the paths in
 * project records are translated too. A single path of another system would keep opencode from showing any session. A
 * pure function.
 */
export function relinkChanges(
  { sessions, projects, opened }: KnownStore,
  places: ReadonlyMap<string, Place>,
  move: Move | null,
): ColumnChange[] {
  const line = hostLine(opened.description);
  const asWritten = (place: Place): Place => ({
    ...place,
    directory: writtenPath(THIS_SYSTEM, place.directory, line),
    worktree: writtenPath(THIS_SYSTEM, place.worktree, line),
  });
  const moves = new Map<string, string>();
  const added = new Map<string, Place>();
  const changes: ColumnChange[] = [];
  for (const facts of sessions) {
    const found = places.get(facts.id);
    if (found === undefined) continue;
    const place = asWritten(found);
    changes.push(...sessionChanges(facts, place));
    const { projectID, worktree } = place;
    const project = projects.find(({ id }) => id === projectID);
    if (project === undefined) added.set(projectID, place);
    else if (projectID === facts.projectID && isMovedAway(project, facts, place)) moves.set(projectID, worktree);
  }
  const translated =
    move !== null && move.from !== NO_WORKTREE && systemOfPath(move.from) !== systemOfPath(move.to)
      ? translatedProjects(projects, move)
      : [];
  const moved = projectChanges(
    projects,
    new Map(
      [...moves].filter(([id]) => !translated.some((change) => change.id === id && change.column === "worktree")),
    ),
  );
  return [...[...added.values()].flatMap(newProject), ...changes, ...moved, ...translated];
}

/** Translates the folders in project records from another operating system to this one. */
function translatedProjects(projects: readonly ProjectFacts[], { from, to }: Move): ColumnChange[] {
  const translate = (folder: string): string => {
    const below = pathBelow(folder, from);
    return below === null ? folder : folderBelow(THIS_SYSTEM, to, below);
  };
  return projects.flatMap(({ id, worktree, sandboxes }): ColumnChange[] => {
    const change = { table: "project", id } as const;
    const folders = sandboxes.map(translate);
    const isOther = folders.some((folder, index) => folder !== sandboxes[index]);
    const [before, after] = [JSON.stringify(sandboxes), JSON.stringify(folders)];
    return [
      ...(translate(worktree) === worktree
        ? []
        : [{ ...change, column: "worktree", from: worktree, to: translate(worktree) }]),
      ...(isOther ? [{ ...change, column: "sandboxes", from: before, to: after }] : []),
    ];
  });
}

function sessionChanges(facts: SessionFacts, { directory, projectID, worktree }: Place): ColumnChange[] {
  const { id } = facts;
  const wanted = { directory, project_id: projectID, path: relativePath(THIS_SYSTEM, worktree, directory) };
  const held = { directory: facts.directory, project_id: facts.projectID, path: facts.path };
  return (["directory", "project_id", "path"] as const).flatMap((column): ColumnChange[] => {
    const [from, to] = [held[column], wanted[column]];
    return from === undefined || from === to ? [] : [{ table: "session", id, column, from, to }];
  });
}

/**
 * Whether the session moved together with the whole worktree of its project, so that the project record needs the new
 * folder too.
 */
function isMovedAway({ worktree }: ProjectFacts, { directory }: SessionFacts, place: Place): boolean {
  if (worktree === NO_WORKTREE || worktree === "" || !place.isGit || directory === null) return false;
  const below = pathBelow(directory, worktree);
  return (
    below !== null &&
    directory !== place.directory &&
    below === relativePath(THIS_SYSTEM, place.worktree, place.directory)
  );
}

/** A minimal row for a project that has no record. opencode completes the row at its next start in the folder. */
function newProject({ projectID: id, worktree, isGit }: Place): ColumnChange[] {
  const change = { table: "project", id, from: null } as const;
  return [
    { ...change, column: "worktree", to: worktree },
    { ...change, column: "vcs", to: isGit ? "git" : null },
  ];
}

/**
 * The changes that give moved projects their new worktree. If another project already has that worktree, the moved
 * project keeps its old worktree. The new worktree is removed from `sandboxes`, which lists only the other folders of a
 * project (1.2 to 1.18).
 */
function projectChanges(projects: readonly ProjectFacts[], moves: ReadonlyMap<string, string>): ColumnChange[] {
  const key = (folder: string) => folderKey(THIS_SYSTEM, folder);
  return [...moves].flatMap(([id, to]): ColumnChange[] => {
    const project = projects.find((each) => each.id === id);
    if (project === undefined || projects.some(({ worktree }) => key(worktree) === key(to))) return [];
    const { worktree, sandboxes } = project;
    const change = { table: "project", id } as const;
    const others = sandboxes.filter((folder) => key(folder) !== key(to));
    const [before, after] = [JSON.stringify(sandboxes), JSON.stringify(others)];
    return [
      { ...change, column: "worktree", from: worktree, to },
      ...(before === after ? [] : [{ ...change, column: "sandboxes", from: before, to: after }]),
    ];
  });
}

/**
 * The changes that make sessions independent of a parent that is missing. A session keeps its parent if the same rescue
 * adds the parent from another store.
 */
export function detachChanges(
  hidden: readonly HiddenSession[],
  target: KnownStore,
  sessionIDs: readonly string[],
  isBroughtIn: (session: HiddenSession) => boolean,
): ColumnChange[] {
  const brought = new Set(hidden.filter(isBroughtIn).map(({ sessionID }) => sessionID));
  return hidden.flatMap(({ cause, sessionID, parentElsewhere }): ColumnChange[] => {
    if (cause !== "parent-missing" || !sessionIDs.includes(sessionID)) return [];
    if (parentElsewhere !== undefined && brought.has(parentElsewhere)) return [];
    const from = target.sessions.find(({ id }) => id === sessionID)?.parentID ?? null;
    return [{ table: "session", id: sessionID, column: "parent_id", from, to: null }];
  });
}

/** The changes that take sessions out of the archive. */
export function unarchiveChanges(sessions: readonly HiddenSession[], target: KnownStore): ColumnChange[] {
  return sessions.flatMap(({ cause, isArchived, sessionID }): ColumnChange[] => {
    if (cause !== "archived" && isArchived !== true) return [];
    const from = target.sessions.find(({ id }) => id === sessionID)?.archivedMs ?? null;
    return [{ table: "session", id: sessionID, column: "time_archived", from, to: null }];
  });
}

/**
 * Turns changes into operations on rows. Each operation names the content that the row must still have. Rows that are
 * gone are left out. The column `sandboxes` gets an operation of its own, because opencode writes that column at many
 * starts. So an undo can still restore the other columns.
 */
export async function planChanges(
  target: KnownStore,
  changes: readonly ColumnChange[],
  nowMs: number,
): Promise<PlannedSession[]> {
  const rows = new Map<string, ColumnChange[]>();
  for (const change of changes) {
    const key = `${change.table} ${change.id} ${change.column === FOLDER_LIST ? FOLDER_LIST : ""}`;
    rows.set(key, [...(rows.get(key) ?? []), change]);
  }
  const planned: PlannedSession[] = [];
  for (const own of rows.values()) {
    const operation = await operationFor(target, own, nowMs);
    if (operation !== null) {
      planned.push({ store: target.index, sessionID: operation.sessionID, operations: [operation] });
    }
  }
  return planned;
}

const FOLDER_LIST = "sandboxes";

async function operationFor(
  target: KnownStore,
  changes: readonly ColumnChange[],
  nowMs: number,
): Promise<Operation | null> {
  const [first] = changes;
  if (first === undefined) return null;
  const { table, id } = first;
  const place = {
    kind: table,
    sessionID: table === "session" ? id : null,
    recordID: id,
    locator: { table, key: { id }, ...(first.column === FOLDER_LIST && { column: FOLDER_LIST }) },
  };
  const isNew = table === "project" && !target.projects.some((project) => project.id === id);
  const evidence = await target.opened.store.examine(place);
  const hash = evidence?.sha256 ?? (evidence?.bytes == null ? null : sha256(evidence.bytes));
  if (isNew ? evidence !== null : evidence === null || hash === null) return null;
  const cells = new Map(changes.map(({ column, to }): [string, CellValue] => [column, cellOf(to)]));
  if (isNew) {
    for (const column of ["time_created", "time_updated"])
      cells.set(column, { storage: "integer", number: `${nowMs}` });
    cells.set("id", cellOf(id)).set("sandboxes", cellOf("[]"));
  }
  const isArchived = first.column === "time_archived";
  const isDetached = first.column === "parent_id";
  const isOfProject = isNew || changes.some(({ column }) => column === "project_id");
  const fault = isOfProject ? PROJECT_MISSING : FOLDER_MISSING;
  return {
    ...place,
    code: isArchived ? "archived" : isDetached ? "parent-missing" : fault.code,
    evidence: changes.map(({ column }) => column).join(", "),
    remedy: "rescue",
    seen: evidence === null || hash === null ? null : { bytes: evidence.size, sha256: hash },
    replacement: {
      source: isArchived ? "no time of archiving" : isDetached ? "no parent" : "where the project is now",
      content: { cells },
    },
  };
}

function cellOf(value: string | null): CellValue {
  return value === null ? { storage: "null" } : { storage: "text", bytes: Buffer.from(value, "utf8") };
}
