import { createHash } from "node:crypto";
import { NO_WORKTREE, storedPath, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { isOfOtherUser } from "../platform/permissions.ts";
import { outputOf } from "../platform/programs.ts";
import { line, originOf, type Repository, repositoryOf } from "./repository.ts";

/** The project of folders without git, and of repositories without a commit. */
export const GLOBAL_ID = "global";

/** The facts that opencode finds when it is started in a folder. */
export interface FolderProject {
  /** The folder without symbolic links, in its stored form. */
  readonly directory: string;
  /** The git worktree of the folder in its stored form, or `/` without one. `session.path` is relative to it. */
  readonly worktree: string;
  readonly repository: Repository | null;
  /**
   * The reason why git does not use an existing `.git`, if it does not. The `.git` may lead nowhere, or belong to
   * another user whom git does not trust (`safe.directory`). opencode then treats the folder as one without git.
   */
  readonly refused: "leads-nowhere" | "other-user" | null;
  /** The project that opencode will use there at its next start; `null` if that is unknown. */
  readonly id: string | null;
  /** The project id that opencode wrote into the repository at its last start there. */
  readonly recorded: string | null;
  /** The time at which the folder was made, in milliseconds; 0 if the system does not state it. */
  readonly bornMs: number;
}

/** The rule by which a line of hosts chooses the project id of a repository. */
export interface NamingRule {
  /** Whether a remote `origin` decides (1.17 and newer). In older lines, the recorded id is kept. */
  readonly byRemote: boolean;
  /** Whether opencode runs as the user of this process, so that git gives both the same answers. */
  readonly isThisUser: boolean;
}

/**
 * The project of a folder; `null` if there is no such folder. The rule was read in opencode 1.2.27, 1.14.41 and 1.18.33
 * (`Project.fromDirectory`). The id comes from the first of these: the remote (1.17 and newer), the file `opencode` in
 * the git folder, the first root commit of HEAD; otherwise it is `global`. At its start, 1.17 and newer move the
 * sessions of a recorded id to the new id.
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
  const isDistrusted = typeof above !== "string" && rule.isThisUser && (await isUntrusted(above));
  const repository = typeof above === "string" || isDistrusted ? null : above;
  const directory = storedPath(THIS_SYSTEM, real);
  const refused = isDistrusted ? "other-user" : above === "refused" ? "leads-nowhere" : null;
  const common = { directory, repository, refused, bornMs: found.birthMs } as const;
  if (repository === null) return { ...common, worktree: NO_WORKTREE, id: GLOBAL_ID, recorded: null };
  const recorded = (await line(files, `${repository.commonDirectory}/opencode`)) || null;
  const id = (rule.byRemote ? await remoteID(files, repository) : null) ?? recorded ?? (await rootCommit(repository));
  return { ...common, worktree: storedPath(THIS_SYSTEM, repository.worktree), id, recorded };
}

/** Whether an opencode that is started in the folder shows the sessions of a project. */
export function carries({ id, recorded }: FolderProject, projectID: string): boolean {
  return id === projectID || recorded === projectID;
}

/** Whether git refuses a repository because it belongs to another user. Git is asked only about such a repository. */
async function isUntrusted(repository: Repository): Promise<boolean> {
  const { worktree, commonDirectory } = repository;
  if (!isOfOtherUser(worktree) && !isOfOtherUser(commonDirectory)) return false;
  if ((await git(repository, "rev-parse", "--git-dir")) !== null) return false;
  // Git may also fail for another reason, for example a broken `.git`. This command runs no code of the repository.
  return (await git(repository, "-c", "safe.directory=*", "rev-parse", "--git-dir")) !== null;
}

async function remoteID(files: FileSystem, repository: Repository): Promise<string | null> {
  const asking = repository.isElsewhere ? await repositoryOf(files, repository.worktree) : repository;
  const url = typeof asking === "string" ? null : await originOf(files, asking);
  if (url === null) return null;
  // git applies `insteadOf` and included configuration files.
  const asked = await git(repository, "remote", "get-url", "origin");
  const place = remotePlace((asked === "no-git" || asked === null ? url : asked).trim());
  return place === null ? null : createHash("sha1").update(`git-remote:${place}`).digest("hex");
}

/** `host/path` of a remote's address; `null` for a path on this machine. */
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

/**
 * The id of the first root commit. The id is `global` in a repository without a commit, and `null` if git is not
 * available.
 */
async function rootCommit(repository: Repository): Promise<string | null> {
  const listed = await git(repository, "rev-list", "--max-parents=0", "HEAD");
  if (listed === "no-git") return null;
  const [first] = (listed ?? "").split("\n").filter(Boolean).sort();
  return first ?? GLOBAL_ID;
}

/** The time of the commit that names the project, in milliseconds; `null` if there is none or git is not available. */
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

/**
 * Git's answer to a command, run as opencode runs it; `null` if the command fails. The command fetches nothing and
 * takes no lock.
 */
async function git({ worktree }: Repository, ...args: readonly string[]): Promise<string | null | "no-git"> {
  const environment = { ...process.env, GIT_NO_LAZY_FETCH: "1", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
  const options = { folder: worktree, environment, timeoutMs: GIT_TIMEOUT_MS };
  const { status, output } = await outputOf("git", args, options);
  if (status === null) return "no-git";
  return status === 0 ? output : null;
}
