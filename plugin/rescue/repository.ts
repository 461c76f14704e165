import { dirname, join, resolve } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";

/** A git repository that opencode finds at or above a folder. */
export interface Repository {
  /** The folder that holds `.git`, or the folder that the setting `core.worktree` names. Symbolic links are resolved. */
  readonly worktree: string;
  /** Git's own folder of this worktree. In a linked worktree it is below the common one. */
  readonly gitDirectory: string;
  /** Git's folder that all worktrees share. opencode stores the id of the project there, in the file `opencode`. */
  readonly commonDirectory: string;
  /** Whether `.git` is that folder itself, not a file that points to it. */
  readonly isMain: boolean;
  /** Whether `core.worktree` names another folder. opencode runs git there, which then knows nothing of this repository. */
  readonly isElsewhere: boolean;
}

/**
 * The repository of a folder. `.git` is in the folder or above it, and is a folder or a file that points to one, as
 * `git rev-parse` follows them (gitdir, commondir). `none` if there is no `.git`. `refused` if git itself would not
 * follow it, such as in the worktree of a moved repository.
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
      // Git refuses a file that points nowhere. Git skips a folder that is no repository, and searches further up.
      if (isFile || target === null) return "refused";
      isRefused = true;
    }
    if (dirname(at) === at) return isRefused ? "refused" : "none";
  }
}

/** The folder that a `.git` file points to. */
async function gitLink(files: FileSystem, path: string, folder: string): Promise<string | null> {
  const [, link] = /^gitdir: (.+)/.exec(await line(files, path)) ?? [];
  return link === undefined ? null : files.realPath(resolve(folder, link));
}

/** The common folder of a git folder; `null` if git would not accept it as one. */
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

/** The first line of a small file; empty if there is none. */
export async function line(files: FileSystem, path: string): Promise<string> {
  const bytes = await files.read(path, LARGEST_READ).catch(() => "absent" as const);
  return typeof bytes === "string" ? "" : (bytes.toString("utf8").split(/\r?\n/)[0] ?? "").trim();
}

const LARGEST_READ = 1024 * 1024;

/** The address of the remote `origin` in a repository's configuration; `null` if it has none. */
export async function originOf(files: FileSystem, { commonDirectory }: Repository): Promise<string | null> {
  return settingIn(files, commonDirectory, 'remote "origin"', "url");
}

/**
 * The worktree that the configuration names, otherwise the folder itself. `null` if the named one is gone, as in a submodule
 * that was moved by hand: git fails then.
 */
async function worktreeOf(files: FileSystem, gitDirectory: string, folder: string): Promise<string | null> {
  const worktree = await settingIn(files, gitDirectory, "core", "worktree");
  return worktree === null ? folder : files.realPath(resolve(gitDirectory, worktree)).catch(() => null);
}

/** The folder of a linked worktree when git last recorded it; `null` if the repository is no linked worktree. */
export async function recordedWorktree(
  files: FileSystem,
  { gitDirectory, commonDirectory }: Repository,
): Promise<string | null> {
  if (gitDirectory === commonDirectory) return null;
  const link = await line(files, join(gitDirectory, "gitdir"));
  return link === "" ? null : dirname(resolve(gitDirectory, link));
}

/** The first value of a setting in a repository's configuration; `null` if it has none. */
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
