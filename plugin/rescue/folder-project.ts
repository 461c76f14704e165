import { createHash } from "node:crypto";
import { NO_WORKTREE, storedPath, THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { isOfOtherUser } from "../platform/permissions.ts";
import { outputOf } from "../platform/programs.ts";
import { line, type Repository, remoteOf, repositoryOf } from "../platform/repository.ts";

/** The id of the project that opencode uses for folders without git, and for repositories without a commit. */
export const GLOBAL_ID = "global";

/** What opencode finds out about a folder when it is started there. */
export interface FolderProject {
  /** The real path of the folder without symbolic links, as opencode stores it. */
  readonly directory: string;
  /**
   * The git worktree of the folder, or `/` without git. The column `path` of a session is relative to this worktree.
   */
  readonly worktree: string;
  readonly repository: Repository | null;
  /**
   * Why git does not accept an existing `.git`; `null` if git accepts it. `leads-nowhere`: the `.git` is broken.
   * `other-user`: git does not trust the owner (`safe.directory`). opencode then sees a folder without git.
   */
  readonly refused: "leads-nowhere" | "other-user" | null;
  /** The id of the project that opencode will use in this folder at its next start; `null` if it is unknown. */
  readonly id: string | null;
  /** The project id that opencode wrote into the git folder at its last start in this folder. */
  readonly recorded: string | null;
  /** When the folder was created, in milliseconds; 0 if the operating system does not tell. */
  readonly bornMs: number;
}

/** How opencode chooses the project id of a git repository. The rule depends on its version. */
export interface NamingRule {
  /** Whether the address of the remote `origin` decides, as in 1.17 and newer. Older versions keep the stored id. */
  readonly byRemote: boolean;
  /** Whether opencode runs as the same user as this process. Only then does git give the same answers to both. */
  readonly isThisUser: boolean;
}

/**
 * Finds the project of a folder as opencode does; `null` if the folder does not exist. The id comes from the first of
 * these sources: the remote (1.17 and newer), the file `opencode` in the git folder, the first root commit of HEAD.
 * Otherwise the id is `global`. If the remote gives another id than that file, 1.17 and newer move the sessions of the
 * old id to the new id when they start. The rule was read in the source of 1.2.27, 1.14.41 and 1.18.33
 * (`Project.fromDirectory`).
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

/** Whether opencode shows the sessions of this project if it is started in the folder. */
export function carries({ id, recorded }: FolderProject, projectID: string): boolean {
  return id === projectID || recorded === projectID;
}

/**
 * Whether git refuses the repository because it belongs to another user. Git is started only if the owner really is
 * another user.
 */
async function isUntrusted(repository: Repository): Promise<boolean> {
  const { worktree, commonDirectory } = repository;
  if (!isOfOtherUser(worktree) && !isOfOtherUser(commonDirectory)) return false;
  if ((await git(repository, "rev-parse", "--git-dir")) !== null) return false;
  // With this setting, git accepts any owner. If git now succeeds, it refused because of the owner, and not because of
  // a broken `.git`. The command runs no code of the repository.
  return (await git(repository, "-c", "safe.directory=*", "rev-parse", "--git-dir")) !== null;
}

async function remoteID(files: FileSystem, repository: Repository): Promise<string | null> {
  const asking = repository.isElsewhere ? await repositoryOf(files, repository.worktree) : repository;
  const url = typeof asking === "string" ? null : await remoteOf(files, asking);
  if (url === null) return null;
  // Git is asked for the address, because its settings may rewrite the address (`insteadOf`, included configuration
  // files).
  const asked = await git(repository, "remote", "get-url", "origin");
  const place = remotePlace((asked === "no-git" || asked === null ? url : asked).trim());
  return place === null ? null : createHash("sha1").update(`git-remote:${place}`).digest("hex");
}

/** The address of a remote in the form `host/path`; `null` if the address is a path on this machine. */
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
 * The id of the first root commit of HEAD. `global` if the repository has no commit, `null` if git is not installed.
 */
async function rootCommit(repository: Repository): Promise<string | null> {
  const listed = await git(repository, "rev-list", "--max-parents=0", "HEAD");
  if (listed === "no-git") return null;
  const [first] = (listed ?? "").split("\n").filter(Boolean).sort();
  return first ?? GLOBAL_ID;
}

/** The time of the first root commit, in milliseconds. `null` if there is none, or if git is not installed. */
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
 * The output of a git command, run as opencode runs it; `null` if the command fails, `no-git` if git cannot be started.
 * The command may not use the network or take locks.
 */
async function git({ worktree }: Repository, ...args: readonly string[]): Promise<string | null | "no-git"> {
  const environment = { ...process.env, GIT_NO_LAZY_FETCH: "1", GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" };
  const options = { folder: worktree, environment, timeoutMs: GIT_TIMEOUT_MS };
  const { status, output } = await outputOf("git", args, options);
  if (status === null) return "no-git";
  return status === 0 ? output : null;
}
