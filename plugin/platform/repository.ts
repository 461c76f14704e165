import { dirname, join, resolve } from "node:path";
import type { FileSystem } from "./file-system.ts";

/** The git repository that opencode finds in a folder or above it. */
export interface Repository {
  /**
   * The folder that contains `.git`, or the folder named by the git setting `core.worktree`. Symbolic links are
   * resolved.
   */
  readonly worktree: string;
  /** The git folder of this worktree. For a linked worktree, it is inside `commonDirectory`. */
  readonly gitDirectory: string;
  /**
   * The git folder that all worktrees of the repository share. opencode stores the project id there, in the file
   * `opencode`.
   */
  readonly commonDirectory: string;
  /** Whether `.git` is the git folder itself, and not a file that names the git folder. */
  readonly isMain: boolean;
  /**
   * Whether the git setting `core.worktree` names another folder. opencode then runs git in that folder, where git does
   * not find this repository.
   */
  readonly isElsewhere: boolean;
}

/**
 * The git repository of a folder, found in the same way as `git rev-parse` finds it. Returns `none` if there is no
 * `.git` in the folder or above it. Returns `refused` if git itself would not accept the `.git`, for example after the
 * repository was moved.
 */
export async function repositoryOf(files: FileSystem, folder: string): Promise<Repository | "none" | "refused"> {
  let isRefused = false;
  for (let at = folder; ; at = dirname(at)) {
    const dotGit = join(at, ".git");
    const found = await files.stat(dotGit).catch(() => null);
    if (found !== null) {
      const target = await files.realPath(dotGit).catch(() => null);
      const isFile = target !== null && (await files.stat(target))?.type === "file";
      const gitDirectory = isFile ? await gitLink(files, target, at) : target;
      const commonDirectory = gitDirectory === null ? null : await commonOf(files, gitDirectory);
      if (gitDirectory !== null && commonDirectory !== null) {
        const isLinked = commonDirectory !== gitDirectory;
        const worktree = isLinked ? at : await worktreeOf(files, commonDirectory, at);
        if (worktree === null) return "refused";
        const kind = { isMain: !isFile && !isLinked, isElsewhere: worktree !== at };
        return { worktree, gitDirectory, commonDirectory, ...kind };
      }
      // Git refuses a `.git` file that does not name a git folder. But git skips a `.git` folder that is not a
      // repository, and continues in the parent folder.
      if (isFile || target === null) return "refused";
      isRefused = true;
    }
    if (dirname(at) === at) return isRefused ? "refused" : "none";
  }
}

/** The git folder that a `.git` file names; `null` if it names none or the folder is missing. */
async function gitLink(files: FileSystem, path: string, folder: string): Promise<string | null> {
  const [, link] = /^gitdir: (.+)/.exec(await line(files, path)) ?? [];
  return link === undefined ? null : files.realPath(resolve(folder, link));
}

/** The shared git folder that belongs to a git folder; `null` if git would not accept it. */
async function commonOf(files: FileSystem, gitDirectory: string): Promise<string | null> {
  const link = await line(files, join(gitDirectory, "commondir"));
  const common = link === "" ? gitDirectory : await files.realPath(resolve(gitDirectory, link));
  if (common === null) return null;
  const head = await files.stat(join(gitDirectory, "HEAD"));
  if (head === null || (head.type !== "symlink" && !isHead(await line(files, join(gitDirectory, "HEAD"))))) return null;
  for (const name of ["objects", "refs"]) {
    const path = await files.realPath(join(common, name));
    if (path === null || (await files.stat(path))?.type !== "directory") return null;
  }
  return common;
}

function isHead(text: string): boolean {
  return /^ref:\s*refs\//.test(text) || /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text);
}

/** The first line of a small file; an empty text if the file cannot be read. */
export async function line(files: FileSystem, path: string): Promise<string> {
  const bytes = await files.read(path, LARGEST_READ).catch(() => "absent" as const);
  return typeof bytes === "string" ? "" : (bytes.toString("utf8").split(/\r?\n/)[0] ?? "").trim();
}

const LARGEST_READ = 1024 * 1024;

/** The address of the remote `origin`, from the repository's own configuration; `null` if there is none. */
export async function remoteOf(files: FileSystem, { commonDirectory }: Repository): Promise<string | null> {
  return settingIn(files, commonDirectory, 'remote "origin"', "url");
}

/**
 * The worktree that the git setting `core.worktree` names, or `folder` without that setting. `null` if the named folder
 * is missing, because git fails then. Such a folder is missing, for example, after a submodule was moved by hand.
 */
async function worktreeOf(files: FileSystem, gitDirectory: string, folder: string): Promise<string | null> {
  const worktree = await settingIn(files, gitDirectory, "core", "worktree");
  return worktree === null ? folder : files.realPath(resolve(gitDirectory, worktree)).catch(() => null);
}

/** The path at which git last saw a linked worktree; `null` if the repository is not a linked worktree. */
export async function recordedWorktree(
  files: FileSystem,
  { gitDirectory, commonDirectory }: Repository,
): Promise<string | null> {
  if (gitDirectory === commonDirectory) return null;
  const link = await line(files, join(gitDirectory, "gitdir"));
  return link === "" ? null : dirname(resolve(gitDirectory, link));
}

/** The first value of a setting in the repository's own configuration; `null` if it is not set. */
async function settingIn(
  files: FileSystem,
  gitDirectory: string,
  section: string,
  name: string,
): Promise<string | null> {
  const bytes = await files.read(join(gitDirectory, "config"), LARGEST_READ).catch(() => "absent" as const);
  if (typeof bytes === "string") return null;
  let isWanted = false;
  for (const text of bytes.toString("utf8").split(/\r?\n/)) {
    const heading = /^\s*\[(.*)\]\s*$/.exec(text);
    if (heading !== null) isWanted = heading[1] === section;
    const [, key, value] = isWanted ? (/^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(text) ?? []) : [];
    if (key?.toLowerCase() === name && value !== undefined && value !== "") return value.replace(/^"(.*)"$/, "$1");
  }
  return null;
}
