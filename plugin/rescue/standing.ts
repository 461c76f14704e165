import { pathBelow } from "../hosts/folder-paths.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import type { FolderProject } from "./folder-project.ts";

/** The place to which a session belongs: its folder and project. */
export interface Place {
  readonly directory: string;
  readonly projectID: string;
  /** The git worktree of the folder, or `/` if the folder has no git. */
  readonly worktree: string;
  readonly isGit: boolean;
}

/** A session that opencode does not list if it is started in the session's own folder. */
export interface Misplaced {
  readonly facts: SessionFacts;
  /**
   * `moved` means that the session's folder is missing. `project-changed` means that the folder now belongs to another
   * project.
   */
  readonly cause: "moved" | "project-changed";
  /** The folder in which the terminal UI still lists the session; `null` if there is no such folder. */
  readonly shownFrom: string | null;
  /** Why the session is not listed, in one sentence. */
  readonly reason: string;
  /** The place to which the session certainly belongs; `null` if only the user knows. */
  readonly target: Place | null;
  /** Folders to which the session may belong. */
  readonly candidates: readonly string[];
}

export interface KnownPlaces {
  readonly sessions: readonly SessionFacts[];
  readonly projects: readonly ProjectFacts[];
  /**
   * Whether opencode is 1.17 or newer. In a new repository, these versions adopt the sessions of the project `global`
   * whose folder is the present worktree. Older versions adopt the sessions of the main worktree's folder.
   */
  readonly isStrict: boolean;
}

/** Why a session is not listed in its own folder, and where it may belong. */
export type Standing = Omit<Misplaced, "facts">;

/** The place of a session in a folder; `null` if the project of the folder is unknown. */
export function placeIn(found: FolderProject, directory: string): Place | null {
  const { recorded, id, worktree, repository } = found;
  // The id that is stored in the repository is preferred. If the id has changed, opencode itself moves the sessions of
  // the stored id to the new id.
  const projectID = recorded ?? id;
  return projectID === null ? null : { directory, projectID, worktree, isGit: repository !== null };
}

/** Whether a folder is the folder `root`, or is below it. */
export function isBelow(directory: string, root: string): boolean {
  return pathBelow(directory, root) !== null;
}
