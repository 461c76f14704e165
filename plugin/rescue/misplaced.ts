import { dirname } from "node:path";
import {
  folderBelow,
  folderKey,
  isFolderHere,
  NO_WORKTREE,
  relativePath,
  systemOfPath,
  THIS_SYSTEM,
} from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { isOneSpelledTwice } from "../platform/spelling.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import { needsGit } from "../words/refusals.ts";
import { carries, type FolderProject, GLOBAL_ID } from "./folder-project.ts";
import { goneStanding } from "./gone-folder.ts";
import { foldersOf, type KnownFolders } from "./known-folders.ts";
import { gotProjectSince, isMounted } from "./project-change.ts";
import { isBelow, type KnownPlaces, type Misplaced, placeIn, type Standing } from "./standing.ts";

/**
 * Finds the sessions of a database that opencode does not list if it is started in the session's own folder. Reads
 * only.
 */
export async function findMisplaced(
  files: FileSystem,
  known: KnownPlaces,
  folders: KnownFolders,
  signal?: AbortSignal,
): Promise<{ readonly misplaced: readonly Misplaced[]; readonly unjudged: number }> {
  let unjudged = 0;
  const found = new Map<string, Misplaced>();
  const gone = new Map<string, Promise<Standing>>();
  const goneOf = (directory: string, projectID: string): Promise<Standing> => {
    const key = `${projectID} ${directory}`;
    const standing = gone.get(key) ?? goneStanding(files, known, folders, directory, projectID);
    gone.set(key, standing);
    return standing;
  };
  const records = new Map(known.sessions.filter(({ hasRecord }) => hasRecord).map((facts) => [facts.id, facts]));
  for (const facts of records.values()) {
    signal?.throwIfAborted();
    const standing = await standingOf(files, known, folders, facts, goneOf);
    if (standing === "unjudged") unjudged += 1;
    else if (standing !== "shown") found.set(facts.id, { facts, ...standing });
  }
  // The user opens a subagent's session from the session that started the subagent. So only the starting session must
  // be in the right place.
  const misplaced = [...found.values()].filter(({ facts }) => !isBelowShown(records, found, facts));
  return { misplaced, unjudged };
}

/** Whether a salvage rebuilt this session and could not find out its folder. */
function isAnywhere({ directory, isSalvaged }: SessionFacts): boolean {
  return isSalvaged === true && directory === NO_WORKTREE;
}

const ANYWHERE: Standing = {
  cause: "moved",
  shownFrom: NO_WORKTREE,
  reason: "A salvage did not find the session's folder, so it put the session in the root folder `/`.",
  target: null,
  candidates: [],
};

function isBelowShown(
  records: ReadonlyMap<string, SessionFacts>,
  found: ReadonlyMap<string, Misplaced>,
  facts: SessionFacts,
): boolean {
  const seen = new Set([facts.id]);
  for (let at = facts; ; ) {
    const parent = at.parentID === null ? undefined : records.get(at.parentID);
    if (parent === undefined || seen.has(parent.id)) return false;
    if (!found.has(parent.id)) return true;
    seen.add(parent.id);
    at = parent;
  }
}

async function standingOf(
  files: FileSystem,
  known: KnownPlaces,
  folders: KnownFolders,
  facts: SessionFacts,
  goneOf: (directory: string, projectID: string) => Promise<Standing>,
): Promise<Standing | "shown" | "unjudged"> {
  const { directory, projectID } = facts;
  if (directory === null || projectID === null) return "unjudged";
  if (isAnywhere(facts)) return ANYWHERE;
  if (systemOfPath(directory) === null) return "unjudged";
  if (!isFolderHere(directory)) return goneOf(directory, projectID);
  const own = await folders.look(directory);
  if (own === "unknown") return "unjudged";
  if (own === null) return goneOf(directory, projectID);
  if (carries(own, projectID)) {
    const isSame = await isSameFolder(files, own.directory, directory).catch(() => null);
    if (isSame === null) return "unjudged";
    // Up to 1.14, the web and Desktop apps search for the stored path as it is, so they find the session.
    const isListed = facts.path === undefined || (!known.isStrict && isListedByPath(own, facts));
    return isSame || isListed ? "shown" : otherPathStanding(folders, own, facts);
  }
  return isAdopted(own, facts, known.isStrict) ? "shown" : otherProject(files, known, folders, facts, own);
}

/**
 * Whether a path still leads to the folder with that name. On a file system that ignores case, two spellings can be one
 * folder.
 */
async function isSameFolder(files: FileSystem, found: string, directory: string): Promise<boolean> {
  const [key, other] = [folderKey(THIS_SYSTEM, found), folderKey(THIS_SYSTEM, directory)];
  if (key === other) return true;
  if (THIS_SYSTEM === "windows") return key.toLowerCase() === other.toLowerCase();
  return isOneSpelledTwice(files, found, directory);
}

/**
 * Whether the terminal UI lists the session in this folder. In the git worktree itself, the UI lists the whole project.
 * In a folder below, the UI lists sessions whose `path` is that folder or is below it.
 */
function isListedByPath({ worktree, directory }: FolderProject, { path }: SessionFacts): boolean {
  const below = relativePath(THIS_SYSTEM, worktree, directory);
  return below === "" || path === below || path?.startsWith(`${below}/`) === true;
}

/**
 * Whether opencode will move the session from the project `global` to the project of a new repository. opencode moves
 * the session at its next start in that repository, if the session's folder is the worktree in which opencode starts
 * (1.17 and newer) or the main worktree of the repository (older versions).
 */
function isAdopted(own: FolderProject, { projectID, directory }: SessionFacts, isStrict: boolean): boolean {
  if (projectID !== GLOBAL_ID || own.repository === null || own.id === null) return false;
  const adopting = isStrict ? own.worktree : dirname(own.repository.commonDirectory);
  return directory !== null && folderKey(THIS_SYSTEM, directory) === folderKey(THIS_SYSTEM, adopting);
}

/**
 * The session is stored with a path that leads to the right folder through a symbolic link. opencode now resolves the
 * link, and stores another path. From 1.17 on, the web and Desktop apps do not list the session under the old path.
 */
async function otherPathStanding(folders: KnownFolders, own: FolderProject, facts: SessionFacts): Promise<Standing> {
  const projectID = facts.projectID ?? GLOBAL_ID;
  const [carrier] = await folders.carriersOf(projectID, null);
  const isListed = isListedByPath(own, facts);
  const isLink = withoutEnd(facts.directory ?? "") !== withoutEnd(own.directory);
  return {
    cause: "moved",
    shownFrom: isListed ? own.directory : (carrier?.worktree ?? null),
    reason: isLink
      ? "The session's folder is a symbolic link, and opencode now stores the folder that the link leads to."
      : "The session's folder is stored in a form that opencode itself does not write.",
    // A session that some list still shows is moved only if the user asks for it.
    target:
      isListed && isLink
        ? null
        : { directory: own.directory, projectID, worktree: own.worktree, isGit: own.repository !== null },
    candidates: [own.directory],
  };
}

/** The path of a folder without `.` and `..`, without doubled slashes, and without a slash at its end. */
function withoutEnd(folder: string): string {
  return folderBelow(THIS_SYSTEM, folder, "");
}

async function otherProject(
  files: FileSystem,
  { projects }: KnownPlaces,
  folders: KnownFolders,
  { directory, projectID, createdMs }: SessionFacts,
  own: FolderProject,
): Promise<Standing> {
  const project = projects.find(({ id }) => id === projectID);
  const root = outermost(project, directory ?? own.directory);
  const [carrier] = await folders.carriersOf(projectID ?? GLOBAL_ID, root);
  const place = placeIn(own, own.directory);
  const isOf = await sameFolder(files, own, root, project !== undefined, createdMs);
  const isSure = carrier === undefined && isOf === "same" && own.refused === null && place !== null;
  return {
    cause: "project-changed",
    shownFrom: carrier?.worktree ?? null,
    reason: reasonOf(own, projectID ?? GLOBAL_ID, isOf),
    target: isSure ? place : null,
    candidates: [own.directory, ...(carrier === undefined ? [] : [carrier.worktree])],
  };
}

/**
 * Whether a folder is really the folder in which a session was used. `made-after`: the folder is younger than the
 * session, so it may be another folder with the same name. `may-be-other`: the folder may have replaced the session's
 * folder, or may be mounted over it.
 */
type Sameness = "same" | "made-after" | "may-be-other";

async function sameFolder(
  files: FileSystem,
  own: FolderProject,
  root: string,
  hasProject: boolean,
  createdMs: number | null,
): Promise<Sameness> {
  if (own.bornMs === 0 || createdMs === null || Math.floor(own.bornMs) > createdMs) return "made-after";
  // opencode shows no sessions of a project without a record. So the session loses nothing if it gets the project of
  // the folder.
  if (!hasProject) return "same";
  if (await isMounted(files, own.directory, root)) return "may-be-other";
  return (await gotProjectSince(files, own, root, createdMs)) ? "same" : "may-be-other";
}

/** The outermost folder above `directory` that the project's record names; `directory` itself if it names none. */
function outermost(project: ProjectFacts | undefined, directory: string): string {
  const above = (project === undefined ? [] : foldersOf(project)).filter(
    (folder) => folder !== NO_WORKTREE && isBelow(directory, folder),
  );
  return above.reduce((shortest, folder) => (folder.length < shortest.length ? folder : shortest), directory);
}

function reasonOf(own: FolderProject, projectID: string, isOf: Sameness): string {
  if (own.refused === "other-user") {
    return "Git does not trust the session's folder, which belongs to another user: `git config --global --add safe.directory FOLDER` corrects that.";
  }
  if (own.refused === "leads-nowhere") {
    return "Git does not accept the .git of the session's folder: the repository was removed, damaged or moved. After a move, `git worktree repair` in the repository corrects that.";
  }
  if (own.id === null) return needsGit("its folder");
  const now = own.id === GLOBAL_ID ? "has no project of its own now" : "belongs to another project now";
  const words: Readonly<Record<Sameness, string>> = {
    same: "",
    "made-after": ", and was made after the session: it may be another folder with the same name",
    "may-be-other": ", and may be another folder that replaced the old folder",
  };
  if (projectID === GLOBAL_ID) return `The session's folder is in a git repository now${words[isOf]}.`;
  return `The session's folder ${now}${words[isOf]}.`;
}
