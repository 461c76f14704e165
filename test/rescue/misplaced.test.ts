import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { KnownFolders } from "../../plugin/rescue/known-folders.ts";
import { findMisplaced } from "../../plugin/rescue/misplaced.ts";
import type { Known } from "../../plugin/rescue/standing.ts";
import type { SessionFacts } from "../../plugin/stores/conversation.ts";

/** What is said of a session in a folder. */
async function saidOf(folder: string, projectID = "global", isThisUser = true) {
  const session: SessionFacts = {
    ...{
      id: "ses_1",
      title: null,
      directory: folder,
      projectID,
      path: folder.slice(1),
      parentID: null,
      version: null,
    },
    ...{ createdMs: Date.now(), updatedMs: Date.now(), archivedMs: null, hasRecord: true },
  };
  const known: Known = { sessions: [session], projects: [], isStrict: true };
  const folders = new KnownFolders(nodeFileSystem, { byRemote: true, isThisUser }, known.projects, known.sessions);
  const { misplaced } = await findMisplaced(nodeFileSystem, known, folders);
  return misplaced.map(({ cause, reason, target }) => ({ cause, reason, directory: target?.directory }));
}

function repository(folder: string): void {
  execFileSync("git", ["init", "--quiet", folder]);
  writeFileSync(join(folder, ".git", "opencode"), "known");
}

test.skipIf(process.getuid?.() !== 0)(
  "a repository of another user, whom git does not trust, is none to opencode",
  async () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), "misplaced-")));
    const { GIT_CONFIG_GLOBAL } = process.env;
    process.env.GIT_CONFIG_GLOBAL = join(root, "gitconfig");
    try {
      const folder = join(root, "app");
      repository(folder);
      expect(await saidOf(folder, "known")).toEqual([]);
      execFileSync("chown", ["-R", "1234:1234", folder]);
      const [said] = await saidOf(folder, "known");
      expect([said?.cause, said?.reason.includes("safe.directory"), said?.directory]).toEqual([
        "project-changed",
        true,
        undefined,
      ]);
      // The opencode of the database's owner may trust it.
      expect(await saidOf(folder, "known", false)).toEqual([]);
      writeFileSync(join(root, "gitconfig"), `[safe]\n\tdirectory = ${folder}\n`);
      expect(await saidOf(folder, "known")).toEqual([]);
    } finally {
      if (GIT_CONFIG_GLOBAL === undefined) delete process.env.GIT_CONFIG_GLOBAL;
      else process.env.GIT_CONFIG_GLOBAL = GIT_CONFIG_GLOBAL;
      rmSync(root, { recursive: true });
    }
  },
);

test("a submodule that was moved by hand is no repository to git, and is not taken for its new place", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "misplaced-")));
  try {
    const folder = join(root, "app");
    repository(folder);
    execFileSync("git", ["config", "core.worktree", "../../gone"], { cwd: folder });
    expect(await saidOf(folder, "known")).toMatchObject([{ cause: "project-changed" }]);
    execFileSync("git", ["config", "--file", join(folder, ".git", "config"), "core.worktree", ".."]);
    expect(await saidOf(folder, "known")).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a link that differs from its folder by case alone is a link: opencode lists nothing under it", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "misplaced-")));
  try {
    const [folder, link] = [join(root, "notes"), join(root, "Notes")];
    mkdirSync(folder);
    symlinkSync(folder, link);
    expect(await saidOf(folder)).toEqual([]);
    expect(await saidOf(link)).toMatchObject([{ cause: "moved", directory: folder }]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
