import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const fixedIdentity = {
  GIT_AUTHOR_NAME: "Fixture",
  GIT_AUTHOR_EMAIL: "fixture@example.invalid",
  GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z",
  GIT_COMMITTER_NAME: "Fixture",
  GIT_COMMITTER_EMAIL: "fixture@example.invalid",
  GIT_COMMITTER_DATE: "2026-01-01T00:00:00Z",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};

/**
 * Makes a git project with one commit at `directory`, if it is not there yet. The commit is the same on every machine,
 * so opencode derives the same project id from it. Without git, it makes a plain folder, which opencode counts to its
 * "global" project.
 */
export async function ensureGitProject(directory: string): Promise<void> {
  if (await isProject(directory)) return;
  await mkdir(dirname(directory), { recursive: true });
  const stage = await mkdtemp(join(dirname(directory), `.${basename(directory)}-`));
  await writeFile(join(stage, "README.md"), "# Fixture project\n\nA project for real hosts to work in.\n");
  await writeFile(join(stage, "main.txt"), "first line\nsecond line\nthird line\n");
  if (await hasGit()) {
    await git(stage, "init", "--quiet", "--initial-branch=main", "--template=");
    await git(stage, "add", ".");
    await git(stage, "commit", "--quiet", "--no-gpg-sign", "-m", "Fixture project");
  }
  // A cleaner of the temporary directory may have deleted parts of an old project, such as its HEAD.
  if (!(await isProject(directory))) await rm(directory, { recursive: true, force: true });
  await rename(stage, directory).catch(async (error: unknown) => {
    await rm(stage, { recursive: true, force: true });
    if (!(await isProject(directory))) throw error;
  });
}

/** Restores the files of the project to the state of the commit. */
export async function resetGitProject(directory: string): Promise<void> {
  await git(directory, "checkout", "--quiet", "--force", "HEAD");
  await git(directory, "clean", "-fdq");
}

async function git(cwd: string, ...args: readonly string[]): Promise<void> {
  await run("git", [...args], { cwd, env: { PATH: process.env.PATH, ...fixedIdentity } });
}

async function hasGit(): Promise<boolean> {
  return run("git", ["--version"]).then(
    () => true,
    () => false,
  );
}

async function isProject(directory: string): Promise<boolean> {
  const sign = (await hasGit()) ? join(".git", "HEAD") : "main.txt";
  return stat(join(directory, sign)).then(
    () => true,
    () => false,
  );
}
