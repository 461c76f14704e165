import { afterAll, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { folderProject } from "../../plugin/rescue/folder-project.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { World } from "../rescue/world.ts";
import { removeHomes } from "./home.ts";

afterAll(removeHomes);

function withRemote(world: World, name: string, url: string): string {
  const folder = world.repository(name);
  world.git(folder, "remote", "add", "origin", url);
  return folder;
}

/**
 * Functions that make a folder in one of the forms that git knows. Each returns the path in which opencode is started.
 */
const FOLDERS: Readonly<Record<string, (world: World) => string>> = {
  "without git": (world) => world.folder("plain"),
  "of a repository": (world) => world.repository("app"),
  "below a repository": (world) => {
    world.repository("outer");
    return world.folder("outer", "inner");
  },
  "of a repository without a commit": (world) => {
    const folder = world.folder("empty");
    world.git(folder, "init", "--quiet");
    return folder;
  },
  "with a remote by https": (world) => withRemote(world, "https", "https://user@EXAMPLE.invalid:8443/team/app.git/"),
  "with a remote by ssh": (world) => withRemote(world, "ssh", "git@example.invalid:team/app.git"),
  "with a remote by an ssh address": (world) =>
    withRemote(world, "sshurl", "ssh://git@example.invalid:22/team/app.git"),
  "with a remote on this machine": (world) => withRemote(world, "local", "/srv/git/app.git"),
  "with a remote that is a file address": (world) => withRemote(world, "file", "file:///srv/git/app.git"),
  "with a remote that the configuration rewrites": (world) => {
    const folder = withRemote(world, "rewritten", "team:app");
    world.git(folder, "config", "url.https://example.invalid/team/.insteadOf", "team:");
    return folder;
  },
  "of a worktree": (world) => {
    world.git(world.repository("main"), "worktree", "add", "--quiet", "--detach", world.at("side"));
    return world.at("side");
  },
  "of a worktree whose repository was moved": (world) => {
    world.git(world.repository("was"), "worktree", "add", "--quiet", "--detach", world.at("lost"));
    renameSync(world.at("was"), world.at("is"));
    return world.at("lost");
  },
  "of a worktree of a bare repository": (world) => {
    world.git(world.root, "clone", "--quiet", "--bare", world.repository("seed"), "bare.git");
    world.git(world.at("bare.git"), "worktree", "add", "--quiet", "--detach", world.at("ofbare"));
    return world.at("ofbare");
  },
  "of a submodule": (world) => {
    const outer = world.repository("super");
    world.git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", world.repository("sub"), "sub");
    return join(outer, "sub");
  },
  "with its git folder elsewhere": (world) => {
    const folder = world.repository("apart");
    world.git(folder, "init", "--quiet", "--separate-git-dir", world.at("apart.git"));
    return folder;
  },
  "with a .git that is not a repository, in a repository": (world) => {
    mkdirSync(join(world.repository("around"), "hollow", ".git"), { recursive: true });
    return world.at("around", "hollow");
  },
  "behind a link": (world) => {
    symlinkSync(world.repository("real"), world.at("link"));
    return world.at("link");
  },
  "of a repository without HEAD": (world) => {
    rmSync(join(world.repository("headless"), ".git", "HEAD"));
    return world.at("headless");
  },
};

/** For these folders, 1.2 and 1.14 find another project than 1.17 and newer. The tool knows only the rule of 1.17. */
const NEWER_ONLY = ["with a .git that is not a repository, in a repository", "of a repository without HEAD"];

/**
 * For such a repository, 1.2 keeps the project id in a file `.git` beside the git folder. So all repositories with a
 * git folder in that place share one id.
 */
const NOT_IN_1_2 = "with its git folder elsewhere";

const VERSIONS = [
  ["1.18.33", Object.keys(FOLDERS)],
  // Like 1.2, 1.14.41 does not use remotes to find the project.
  ["1.14.41", Object.keys(FOLDERS).filter((name) => !NEWER_ONLY.includes(name))],
  ["1.2.27", Object.keys(FOLDERS).filter((name) => !NEWER_ONLY.includes(name) && name !== NOT_IN_1_2)],
] as const;

test.each(VERSIONS.filter(([version]) => IS_WHOLE || version !== "1.14.41"))(
  "the project of a folder is the one that opencode %s uses there, before and after its first start",
  async (version, names) => {
    const world = await World.start(version);
    try {
      const rule = { byRemote: version === "1.18.33", isThisUser: true };
      for (const name of names) {
        const folder = (FOLDERS[name] ?? (() => ""))(world);
        const before = await folderProject(nodeFileSystem, folder, rule);
        // opencode starts in this folder and makes a session there.
        const { projectID, directory } = await world.session(folder);
        const after = await folderProject(nodeFileSystem, folder, rule);
        expect({ name, before: before?.id, after: after?.id }).toEqual({ name, before: projectID, after: projectID });
        expect({ name, directory: before?.directory }).toEqual({ name, directory });
      }
    } finally {
      await world.stop();
    }
  },
);
