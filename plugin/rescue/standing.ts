import { pathBelow } from "../hosts/folder-paths.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import type { FolderProject } from "./folder-project.ts";

/** Where a session belongs: its folder, and the project that opencode uses there. */
export interface Place {
  readonly directory: string;
  readonly projectID: string;
  /** The git worktree of the folder, or `/` without one. */
  readonly worktree: string;
  readonly isGit: boolean;
}

/** A session that no list shows from its own folder. */
export interface Misplaced {
  readonly facts: SessionFacts;
  /** `moved`: the session's folder is missing. `project-changed`: the folder now belongs to another project. */
  readonly cause: "moved" | "project-changed";
  /** The folder from which a terminal UI still lists the session; `null` if no list shows it. */
  readonly shownFrom: string | null;
  /** Why no list shows it, in one sentence. */
  readonly reason: string;
  /** Where the session certainly belongs; `null` if only the user knows. */
  readonly target: Place | null;
  /** Folders where the session may belong. */
  readonly candidates: readonly string[];
}

export interface Known {
  readonly sessions: readonly SessionFacts[];
  readonly projects: readonly ProjectFacts[];
  /** Whether the host is 1.17 or newer. Such a host gives `global` sessions to a new repository by its own worktree. */
  readonly isStrict: boolean;
}

/** Where a session stands. */
export type Standing = Omit<Misplaced, "facts">;

/** A folder as the place of a session; `null` if its project cannot be told. */
export function placeIn(found: FolderProject, directory: string): Place | null {
  const { recorded, id, worktree, repository } = found;
  // opencode itself moves the sessions of a recorded id to the new one.
  const projectID = recorded ?? id;
  return projectID === null ? null : { directory, projectID, worktree, isGit: repository !== null };
}

/** Whether a folder is the same as another one or is below it. */
export function isBelow(directory: string, root: string): boolean {
  return pathBelow(directory, root) !== null;
}
