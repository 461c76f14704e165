import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { KnownFolders } from "../../plugin/rescue/known-folders.ts";
import { findMisplaced } from "../../plugin/rescue/misplaced.ts";
import type { KnownPlaces } from "../../plugin/rescue/standing.ts";
import type { SessionFacts } from "../../plugin/stores/conversation.ts";
import { untilFilesAreYounger } from "./file-clock.ts";

function sessionIn(directory: string, projectID: string, path = directory.slice(1)): SessionFacts {
  return {
    ...{ id: directory, title: null, directory, projectID, path, parentID: null, version: null },
    ...{ createdMs: Date.now(), updatedMs: Date.now(), archivedMs: null, hasRecord: true },
  };
}

/** What the tool says about a session in a folder. */
function saidOf(folder: string, projectID = "global", isThisUser = true) {
  return saidOfAll({ sessions: [sessionIn(folder, projectID)], projects: [], isStrict: true }, isThisUser);
}

async function saidOfAll(known: KnownPlaces, isThisUser = true) {
  const folders = new KnownFolders(nodeFileSystem, { byRemote: true, isThisUser }, known.projects, known.sessions);
  const { misplaced } = await findMisplaced(nodeFileSystem, known, folders);
  return misplaced.map(({ cause, reason, target, shownFrom, candidates }) => {
    return { cause, reason, directory: target?.directory, shownFrom, candidates };
  });
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
      // If the database belongs to another user, that user's opencode may trust the folder.
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

test("a submodule that was moved by hand is not a repository to git, and is not taken for its new place", async () => {
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

/** Calls `use` with a new folder whose path contains no symbolic link. */
async function inFolder(use: (root: string) => Promise<void>): Promise<void> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "misplaced-")));
  try {
    await use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const COMMIT = [
  "-c",
  "user.name=a",
  "-c",
  "user.email=a@example.invalid",
  "commit",
  "--quiet",
  "--allow-empty",
  "-m",
  "a",
];

test("a repository with a link in its old place: web and Desktop of 1.17 and newer list nothing, 1.14 lists all by the link", () =>
  inFolder(async (root) => {
    const [link, moved] = [join(root, "app"), join(root, "disk", "app")];
    repository(moved);
    symlinkSync(moved, link);
    const sessions = [sessionIn(link, "known", "")];
    expect(await saidOfAll({ sessions, projects: [], isStrict: true })).toMatchObject([
      { cause: "moved", directory: undefined, shownFrom: moved, candidates: [moved] },
    ]);
    expect(await saidOfAll({ sessions, projects: [], isStrict: false })).toEqual([]);
    const slashed = [sessionIn(`${moved}/`, "known", "")];
    const [said] = await saidOfAll({ sessions: slashed, projects: [], isStrict: true });
    expect([said?.directory, said?.shownFrom, said?.reason.includes("symbolic link")]).toEqual([moved, moved, false]);
  }));

test("a repository whose worktree is elsewhere: opencode runs git there, which knows no commit and no remote", () =>
  inFolder(async (root) => {
    const [folder, below] = [join(root, "dot"), join(root, "dot", "below")];
    execFileSync("git", ["init", "--quiet", folder]);
    execFileSync("git", COMMIT, { cwd: folder });
    mkdirSync(below);
    execFileSync("git", ["remote", "add", "origin", "https://example.invalid/dot.git"], { cwd: folder });
    execFileSync("git", ["config", "core.worktree", root], { cwd: folder });
    expect([...(await saidOf(folder)), ...(await saidOf(below))]).toEqual([]);
  }));

test("a repository whose worktree is elsewhere lists nothing there: no session is said to be shown from that folder", () =>
  inFolder(async (root) => {
    const folder = join(root, "dot");
    repository(folder);
    execFileSync("git", ["config", "core.worktree", root], { cwd: folder });
    const sessions = [sessionIn(folder, "known", ""), sessionIn(join(root, "gone"), "known", "")];
    const [said] = await saidOfAll({ sessions, projects: [], isStrict: true });
    expect([said?.cause, said?.shownFrom, said?.candidates]).toEqual(["moved", null, []]);
  }));

test("a worktree that was moved by hand: git's own note of its old place decides, unless it was used before the move", () =>
  inFolder(async (root) => {
    const [main, side, moved] = [join(root, "main"), join(root, "side"), join(root, "elsewhere")];
    repository(main);
    execFileSync("git", COMMIT, { cwd: main });
    execFileSync("git", ["worktree", "add", "--quiet", "--detach", side], { cwd: main });
    untilFilesAreYounger(root);
    const sessions = [sessionIn(main, "known", ""), sessionIn(side, "known", "")];
    untilFilesAreYounger(root);
    renameSync(side, moved);
    const known: KnownPlaces = { sessions, projects: [], isStrict: true };
    expect(await saidOfAll(known)).toMatchObject([{ directory: moved, candidates: [main, moved] }]);
    const used = { ...sessionIn(moved, "known", ""), createdMs: 5 };
    expect(await saidOfAll({ ...known, sessions: [...sessions, used] })).toMatchObject([{ directory: undefined }]);
    renameSync(moved, join(root, "again"));
    execFileSync("git", ["worktree", "repair", join(root, "again")], { cwd: main });
    expect(await saidOfAll(known)).toMatchObject([{ directory: undefined }]);
  }));

test("a worktree inside the main one that was removed: the main one lists its sessions, and is not its new name", () =>
  inFolder(async (root) => {
    const main = join(root, "main");
    repository(main);
    untilFilesAreYounger(root);
    const sessions = [sessionIn(join(main, ".worktrees", "x"), "known", "")];
    untilFilesAreYounger(root);
    mkdirSync(join(main, ".worktrees"));
    expect(await saidOfAll({ sessions, projects: [], isStrict: true })).toMatchObject([
      { cause: "moved", shownFrom: main, directory: undefined, candidates: [main] },
    ]);
  }));

test("a folder beside a missing one whose name is written in another form of accents is named", () =>
  inFolder(async (root) => {
    const folder = join(root, "cafe\u0301", "notes");
    mkdirSync(folder, { recursive: true });
    const missing = join(root, "caf\u00e9");
    const project = { id: "global", worktree: missing, sandboxes: [], directories: [], vcs: null };
    const known = { sessions: [sessionIn(join(missing, "notes"), "global")], projects: [project], isStrict: true };
    expect(await saidOfAll(known as never)).toMatchObject([
      {
        directory: undefined,
        candidates: [folder],
        reason: expect.stringContaining("only case, accents or spaces differ"),
      },
    ]);
    expect(await saidOf(join(root, "other"))).toMatchObject([{ candidates: [] }]);
  }));

test("the names beside missing folders are compared once, however many folders are missing there", async () => {
  const neighbours = Array.from({ length: 300 }, (_, index) => ({ name: `Neighbour ${index}`, type: "directory" }));
  const files = { ...nodeFileSystem, list: () => Promise.resolve(neighbours as never) };
  const folders = new KnownFolders(files, { byRemote: true, isThisUser: true }, [], []);
  let normalized = 0;
  const { normalize } = String.prototype;
  String.prototype.normalize = function (...form: Parameters<typeof normalize>) {
    normalized += 1;
    return normalize.apply(this, form);
  };
  try {
    for (let index = 0; index < 300; index += 1) {
      expect(await folders.spelledAlike(`/parent/neighbour ${index} `)).toEqual([`/parent/Neighbour ${index}`]);
    }
  } finally {
    String.prototype.normalize = normalize;
  }
  expect(normalized).toBeLessThan(2_000);
});
