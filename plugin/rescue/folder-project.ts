import { createHash } from "node:crypto";
import { NO_WORKTREE, storedPath, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { outputOf } from "../platform/programs.ts";
import { line, originOf, type Repository, repositoryOf } from "./repository.ts";

/** The project of folders without git, and of a repository without a commit. */
export const GLOBAL_ID = "global";

/** A folder as opencode finds it when it is started there. */
export interface FolderProject {
  /** The folder without symbolic links, as it is stored. */
  readonly directory: string;
  /** The git worktree that it is in, `/` without one, as it is stored: `session.path` is relative to it. */
  readonly worktree: string;
  readonly repository: Repository | null;
  /** Whether there is a `.git` that git does not follow: opencode takes the folder for one without git. */
  readonly isRefused: boolean;
  /** The project that opencode uses there at its next start; `null` where that cannot be told. */
  readonly id: string | null;
  /** The id that opencode wrote into the repository at its last start there. */
  readonly recorded: string | null;
  /** When the folder was made, in milliseconds; 0 where the system does not say. */
  readonly bornMs: number;
}

/** How a line of hosts names the project of a repository. */
export interface NamingRule {
  /** Whether a remote `origin` decides: 1.17 and newer. Before, the id that is recorded stays. */
  readonly byRemote: boolean;
}

/**
 * The project of a folder; `null` where there is no such folder. The rule was read in opencode 1.2.27, 1.14.41 and 1.18.33
 * (`Project.fromDirectory`): the remote (1.17 and newer), else the id in the file `opencode` of the git folder, else the
 * first root commit of HEAD, else `global`. 1.17 and newer give the sessions of a recorded id to the new one at the start.
 */
export async function folderProject(
  files: FileSystem,
  folder: string,
  rule: NamingRule,
): Promise<FolderProject | null> {
  const real = await files.realPath(folder);
  if (real === null) return null;
  const found = await files.stat(real);
  if (found?.type !== "directory") return null;
  const above = await repositoryOf(files, real);
  const repository = typeof above === "string" ? null : above;
  const directory = storedPath(THIS_SYSTEM, real);
  const common = { directory, repository, isRefused: above === "refused", bornMs: found.birthMs };
  if (repository === null) return { ...common, worktree: NO_WORKTREE, id: GLOBAL_ID, recorded: null };
  const recorded = (await line(files, `${repository.commonDirectory}/opencode`)) || null;
  const id = (rule.byRemote ? await remoteID(files, repository) : null) ?? recorded ?? (await rootCommit(repository));
  return { ...common, worktree: storedPath(THIS_SYSTEM, repository.worktree), id, recorded };
}

/** Whether sessions of a project are shown by an opencode that is started in the folder. */
export function carries({ id, recorded }: FolderProject, projectID: string): boolean {
  return id === projectID || recorded === projectID;
}

async function remoteID(files: FileSystem, repository: Repository): Promise<string | null> {
  const url = await originOf(files, repository);
  if (url === null) return null;
  // git applies `insteadOf` and what the configuration includes.
  const asked = await git(repository, "remote", "get-url", "origin");
  const place = remotePlace((asked === "no-git" || asked === null ? url : asked).trim());
  return place === null ? null : createHash("sha1").update(`git-remote:${place}`).digest("hex");
}

/** `host/path` of a remote's address; `null` of a path on this machine. */
function remotePlace(address: string): string | null {
  const joined = (host: string, path: string): string | null => {
    const plain = path
      .replace(/^\/+/, "")
      .replace(/\.git\/?$/, "")
      .replace(/\/+$/, "");
    return host === "" || plain === "" ? null : `${host.toLowerCase()}/${plain}`;
  };
  if (URL.canParse(address)) {
    const url = new URL(address);
    return url.protocol === "file:" ? null : joined(url.hostname, url.pathname);
  }
  const [, , host, path] = /^([^@/:]+@)?([^/:]+):(.+)$/.exec(address) ?? [];
  return host === undefined || path === undefined ? null : joined(host, path);
}

/** `global` in a repository without a commit; `null` where there is no git to ask. */
async function rootCommit(repository: Repository): Promise<string | null> {
  const listed = await git(repository, "rev-list", "--max-parents=0", "HEAD");
  if (listed === "no-git") return null;
  const [first] = (listed ?? "").split("\n").filter(Boolean).sort();
  return first ?? GLOBAL_ID;
}

/** When the commit was made that names the project, in milliseconds; `null` where there is none, or no git to ask. */
export async function rootCommitTime(repository: Repository): Promise<number | null> {
  const listed = await git(repository, "rev-list", "--max-parents=0", "--timestamp", "HEAD");
  if (listed === "no-git" || listed === null) return null;
  const roots = listed
    .split("\n")
    .filter(Boolean)
    .map((root) => root.split(" "));
  const [first] = roots.sort(([, a = ""], [, b = ""]) => (a < b ? -1 : 1));
  return first === undefined ? null : Number(first[0]) * 1000;
}

const GIT_TIMEOUT_MS = 30_000;

/** What git answers, as opencode asks it; `null` where it fails. It fetches nothing and takes no lock. */
async function git({ worktree }: Repository, ...args: readonly string[]): Promise<string | null | "no-git"> {
  const environment = { ...process.env, GIT_NO_LAZY_FETCH: "1", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
  const options = { folder: worktree, environment, timeoutMs: GIT_TIMEOUT_MS };
  const { status, output } = await outputOf("git", args, options);
  if (status === null) return "no-git";
  return status === 0 ? output : null;
}
