import { isFolderHere, mountInWSL, NO_WORKTREE, systemOfPath } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { FolderProject } from "./folder-project.ts";
import { foldersOf, type KnownFolders } from "./known-folders.ts";
import { type GoneFolder, movedFolder } from "./new-place.ts";
import { wasNeverHere } from "./project-change.ts";
import { isBelow, type KnownPlaces, type Place, placeIn, type Standing } from "./standing.ts";

function systemName(directory: string): string {
  return systemOfPath(directory) === "windows" ? "Windows" : "Linux or macOS";
}

/**
 * For a session whose folder is missing or is a path of another operating system: finds out why opencode does not show
 * the session, and looks for the folder's new place.
 */
export async function goneStanding(
  files: FileSystem,
  known: KnownPlaces,
  folders: KnownFolders,
  directory: string,
  projectID: string,
): Promise<Standing> {
  const isForeign = !isFolderHere(directory);
  const gone = await goneFolder(known, folders, directory, projectID);
  const carriers = await folders.carriersOf(projectID, isForeign ? null : gone.root);
  const moved = isForeign ? null : await movedPlace(files, known, folders, gone, carriers, directory);
  const mounted = isForeign ? mountInWSL(directory) : null;
  const isInWSL = mounted !== null && (await folders.look(mounted)) !== null;
  const alike = isForeign ? [] : await alikeFolders(folders, gone.root, directory);
  const isOther = !isForeign && moved === null && (await wasNeverHere(files, directory, gone.firstUseMs));
  return {
    cause: "moved",
    shownFrom: carriers[0]?.worktree ?? null,
    reason: isForeign
      ? `The session's folder is a path of ${systemName(directory)}.`
      : alike.length > 0
        ? "The session's folder does not exist. A folder next to the missing folder has almost the same name: only case, accents or spaces differ."
        : isOther
          ? NEVER_HERE
          : "The session's folder does not exist.",
    target: moved,
    candidates: [...new Set([...carriers.map(({ worktree }) => worktree), ...alike, ...(isInWSL ? [mounted] : [])])],
  };
}

/** Existing folders whose name differs from the missing folder's name only in its spelling. */
async function alikeFolders(folders: KnownFolders, root: string, directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of await folders.spelledAlike(root)) {
    const below = folder + directory.slice(root.length);
    if ((await folders.look(below)) !== null) found.push(below);
  }
  return found;
}

const NEVER_HERE =
  "The session's folder does not exist, and nothing was removed or renamed there since the session was used. The folder may belong to a container, to another computer or to a drive that is not mounted.";

/** The outermost missing folder that the record of the project names. If there is none, the session's own folder. */
async function goneFolder(
  { projects, sessions }: KnownPlaces,
  folders: KnownFolders,
  directory: string,
  projectID: string,
): Promise<GoneFolder> {
  const project = projects.find(({ id }) => id === projectID);
  const named = project === undefined ? [] : foldersOf(project).filter((folder) => folder !== NO_WORKTREE);
  let root = directory;
  for (const folder of named) {
    if (folder.length < root.length && isBelow(directory, folder) && (await folders.look(folder)) === null)
      root = folder;
  }
  const ofProject = sessions.filter((session) => session.projectID === projectID);
  const within = ofProject.filter((session) => session.directory !== null && isBelow(session.directory, root));
  const firstUseMs = within.reduce((first, { createdMs }) => Math.min(first, createdMs ?? 0), Number.POSITIVE_INFINITY);
  return { root, project, firstUseMs, ofProject, sessions: within };
}

/** The new place of a folder that was renamed; `null` if the new place is not certain. */
async function movedPlace(
  files: FileSystem,
  { isStrict }: KnownPlaces,
  folders: KnownFolders,
  gone: GoneFolder,
  carriers: readonly FolderProject[],
  directory: string,
): Promise<Place | null> {
  const moved = await movedFolder(files, gone, carriers, isStrict);
  if (moved === null) return null;
  const found = await folders.look(moved.worktree + directory.slice(gone.root.length));
  return found === null || found === "unknown" ? null : placeIn(found, found.directory);
}
