import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../host/record-place.ts";
import { WORKSPACE } from "./container.ts";
import { untilFilesAreYounger } from "./file-clock.ts";
import { goOn, type MadeSession, sessionIn, type World } from "./world.ts";

/** What a situation leaves behind, and what `rescue` must say about it. */
export interface Left {
  /**
   * Sessions that no list shows from their own folder. Each has the folder whose list must contain it after the repair.
   */
  readonly lost: readonly (readonly [session: MadeSession, folder: string])[];
  /** Matches the reason that `rescue` gives. */
  readonly reason: RegExp;
  /** Whether the user must say to which folder the sessions belong. Otherwise `--relink` finds the folder. */
  readonly isAsked?: boolean;
  /** Whether a terminal UI lists the sessions in another folder of the project. */
  readonly isPartly?: boolean;
  /** Sessions that the host lists and that `rescue` must not change. */
  readonly shown?: readonly (readonly [session: MadeSession, folder: string])[];
}

export type Situation = (world: World) => Promise<Left>;

/** Makes a session that contains a question. */
async function held(world: World, folder: string): Promise<MadeSession> {
  const made = await world.session(folder);
  await goOn(world.host, made);
  untilFilesAreYounger(world.home.root);
  return made;
}

const LOST_NONE = { lost: [], reason: /^$/ } as const;

/**
 * Situations with sessions that `rescue` must find. Each situation makes its own folders below the folder of the world.
 */
export const FOUND: Readonly<Record<string, Situation>> = {
  "a repository whose .git was deleted": async (world) => {
    const folder = world.repository("app");
    const lost = [await held(world, folder), await held(world, world.folder("app", "src"))];
    rmSync(join(folder, ".git"), { recursive: true });
    return { lost: lost.map((each) => [each, each.directory]), reason: /has no project of its own now\.$/ };
  },
  "git init in a folder with sessions below it": async (world) => {
    const api = world.folder("app", "api");
    const lost = await held(world, api);
    world.repository("app");
    return { lost: [[lost, api]], reason: /is in a git repository now\.$/ };
  },
  "git init above, after opencode was started there": async (world) => {
    const api = world.folder("app", "api");
    const lost = await held(world, api);
    const made = await held(world, world.repository("app"));
    return { lost: [[lost, api]], reason: /is in a git repository now\.$/, shown: [[made, world.at("app")]] };
  },
  "a repository that began again, before opencode was started in it": async (world) => {
    const folder = world.repository("app");
    const lost = await held(world, folder);
    rmSync(join(folder, ".git"), { recursive: true });
    world.repository("app");
    return { lost: [[lost, folder]], reason: /belongs to another project now\.$/ };
  },
  "a repository that began again, after a start": async (world) => {
    const folder = world.repository("app");
    const lost = await held(world, folder);
    rmSync(join(folder, ".git"), { recursive: true });
    world.repository("app");
    const made = await held(world, folder);
    return { lost: [[lost, folder]], reason: /belongs to another project now\.$/, shown: [[made, folder]] };
  },
  "a new first commit in the same .git, the recorded id lost": async (world) => {
    const folder = world.repository("app");
    const lost = await held(world, folder);
    rmSync(join(folder, ".git", "opencode"));
    world.git(folder, "checkout", "--quiet", "--orphan", "other");
    // Git stores whole seconds. So a commit in the second of the session could look older than the session.
    world.commit(folder, Date.now() + 1000);
    return { lost: [[lost, folder]], reason: /belongs to another project now\.$/ };
  },
  "a folder that became a submodule": async (world) => {
    const outer = world.repository("super");
    const lost = await held(world, world.folder("super", "lib"));
    rmSync(join(outer, "lib"), { recursive: true });
    const sub = world.repository("library");
    world.git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub, "lib");
    return { lost: [[lost, world.at("super", "lib")]], isPartly: true, isAsked: true, reason: /may be another folder/ };
  },
  "a project that no record names": async (world) => {
    const folder = world.repository("app");
    const lost = await held(world, folder);
    using database = openDatabase(world.home);
    database.run("pragma foreign_keys = off");
    database.run("update session set project_id = ? where id = ?", [`nobody${lost.id}`, lost.id]);
    return { lost: [[lost, folder]], reason: /belongs to another project now\.$/ };
  },
  "a folder without git that got another name": async (world) => {
    const lost = [await held(world, world.folder("notes")), await held(world, world.folder("notes", "below"))];
    renameSync(world.at("notes"), world.at("diary"));
    const to = [world.at("diary"), world.at("diary", "below")];
    return { lost: lost.map((each, index) => [each, to[index] ?? ""]), isAsked: true, reason: /does not exist\.$/ };
  },
  "a folder without git that was moved into a repository": async (world) => {
    const lost = await held(world, world.folder("notes"));
    world.repository("app");
    renameSync(world.at("notes"), world.at("app", "notes"));
    return { lost: [[lost, world.at("app", "notes")]], isAsked: true, reason: /does not exist\.$/ };
  },
  "a repository that got another name": async (world) => {
    const lost = await held(world, world.repository("app"));
    renameSync(world.at("app"), world.at("renamed"));
    return { lost: [[lost, world.at("renamed")]], isPartly: true, reason: /does not exist\.$/ };
  },
  "a home directory under another name, with a repository and a folder": async (world) => {
    const made = [await held(world, world.repository("old", "app")), await held(world, world.folder("old", "notes"))];
    renameSync(world.at("old"), world.at("new"));
    const to = [world.at("new", "app"), world.at("new", "notes")];
    return { lost: made.map((each, index) => [each, to[index] ?? ""]), isAsked: true, reason: /does not exist\.$/ };
  },
  "a removed worktree": async (world) => {
    const main = world.repository("main");
    const shown = await held(world, main);
    world.git(main, "worktree", "add", "--quiet", "--detach", world.at("side"));
    const lost = await held(world, world.at("side"));
    world.git(main, "worktree", "remove", "--force", world.at("side"));
    const reason = /does not exist\.$/;
    return { lost: [[lost, main]], isPartly: true, isAsked: true, reason, shown: [[shown, main]] };
  },
  "a worktree of a bare repository, moved by git": async (world) => {
    world.git(world.root, "clone", "--quiet", "--bare", world.repository("seed"), "bare.git");
    const bare = world.at("bare.git");
    world.git(bare, "worktree", "add", "--quiet", "--detach", world.at("one"));
    const lost = await held(world, world.at("one"));
    world.git(bare, "worktree", "move", world.at("one"), world.at("two"));
    return { lost: [[lost, world.at("two")]], isPartly: true, isAsked: true, reason: /does not exist\.$/ };
  },
  "a folder that is stored as a link": async (world) => {
    const folder = world.folder("real");
    const lost = await held(world, folder);
    symlinkSync(folder, world.at("link"));
    using database = openDatabase(world.home);
    database.run("update session set directory = ?, path = null where id = ?", [world.at("link"), lost.id]);
    return { lost: [[lost, folder]], reason: /symbolic link/ };
  },
  "a folder that got another spelling, with a link in its place": async (world) => {
    const lost = await held(world, world.folder("Notes"));
    renameSync(world.at("Notes"), world.at("notes"));
    symlinkSync(world.at("notes"), world.at("Notes"));
    return { lost: [[lost, world.at("notes")]], reason: /symbolic link/ };
  },
  "a link that is a folder now": async (world) => {
    const lost = await held(world, world.folder("real"));
    symlinkSync(world.at("real"), world.at("link"));
    rmSync(world.at("link"));
    renameSync(world.at("real"), world.at("link"));
    return { lost: [[lost, world.at("link")]], isAsked: true, reason: /does not exist\.$/ };
  },
  "two repositories that changed names": async (world) => {
    const [a, b] = [world.repository("a"), world.repository("b")];
    const inA = await held(world, a);
    renameSync(a, world.at("between"));
    renameSync(b, a);
    renameSync(world.at("between"), b);
    return { lost: [[inA, b]], isPartly: true, isAsked: true, reason: /may be another folder/ };
  },
  "a scratch folder used again for something else": async (world) => {
    const folder = world.repository("scratch");
    const lost = await held(world, folder);
    rmSync(folder, { recursive: true });
    const made = await held(world, world.repository("scratch"));
    return { lost: [[lost, folder]], isAsked: true, reason: /may be another folder/, shown: [[made, folder]] };
  },
  "a child whose parent is wholly gone": async (world) => {
    const folder = world.repository("app");
    const parent = await held(world, folder);
    const { body } = await world.host.request("POST", `/session?directory=${encodeURIComponent(folder)}`, {
      parentID: parent.id,
    });
    const child = body as { id: string; directory: string; projectID: string };
    await goOn(world.host, child);
    using database = openDatabase(world.home);
    database.run("pragma foreign_keys = off");
    database.run("delete from session where id = ?", [parent.id]);
    for (const table of ["part", "message"]) database.run(`delete from ${table} where session_id = ?`, [parent.id]);
    return { lost: [[child, folder]], reason: /started this session/ };
  },
};

/** Situations in which the host lists the sessions, although something looks wrong. */
export const SHOWN: Readonly<Record<string, Situation>> = {
  "a moved repository that was opened, with another one at its old folder": async (world) => {
    const old = world.repository("app");
    await held(world, old);
    renameSync(old, world.at("moved"));
    const here = await held(world, world.at("moved"));
    const other = await held(world, world.repository("app"));
    return {
      ...LOST_NONE,
      shown: [
        [here, world.at("moved")],
        [other, old],
      ],
    };
  },
  "folders without git, and an empty repository that was opened and got a commit": async (world) => {
    const note = await held(world, world.folder("notes"));
    const fresh = world.folder("fresh");
    world.git(fresh, "init", "--quiet");
    await world.lists(fresh);
    world.commit(fresh);
    return {
      ...LOST_NONE,
      shown: [
        [note, world.at("notes")],
        [await held(world, fresh), fresh],
      ],
    };
  },
  "a worktree that was removed and made again": async (world) => {
    const main = world.repository("main");
    const [side, add] = [world.at("side"), ["worktree", "add", "--quiet", "--detach", world.at("side")]];
    world.git(main, ...add);
    const made = await held(world, side);
    world.git(main, "worktree", "remove", "--force", side);
    world.git(main, ...add);
    return { ...LOST_NONE, shown: [[made, side]] };
  },
  "a bare repository with two worktrees": async (world) => {
    world.git(world.root, "clone", "--quiet", "--bare", world.repository("seed"), "bare.git");
    const shown: [MadeSession, string][] = [];
    for (const name of ["one", "two"]) {
      world.git(world.at("bare.git"), "worktree", "add", "--quiet", "--detach", world.at(name));
      shown.push([await held(world, world.at(name)), world.at(name)]);
    }
    return { ...LOST_NONE, shown };
  },
  "a remote that changed": async (world) => {
    const folder = world.repository("app");
    const url = (name: string) => `https://example.invalid/${world.root.replaceAll("/", "-")}/${name}.git`;
    world.git(folder, "remote", "add", "origin", url("a"));
    const made = await held(world, folder);
    world.git(folder, "remote", "set-url", "origin", url("b"));
    return { ...LOST_NONE, shown: [[made, folder]] };
  },
  "a project whose record names folders that are gone": async (world) => {
    const folder = world.repository("app");
    const made = await held(world, folder);
    using database = openDatabase(world.home);
    database.run("update project set sandboxes = ? where id = ?", [JSON.stringify([world.at("gone")]), made.projectID]);
    return { ...LOST_NONE, shown: [[made, folder]] };
  },
  "a folder in a submodule": async (world) => {
    const outer = world.repository("super");
    const sub = world.repository("sub");
    world.git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub, "sub");
    mkdirSync(join(outer, "sub", "src"));
    const at = [outer, join(outer, "sub"), join(outer, "sub", "src")];
    const shown: [MadeSession, string][] = [];
    for (const folder of at) shown.push([await held(world, folder), folder]);
    return { ...LOST_NONE, shown };
  },
};

/** A container and the machine share the data directory, but have different folders at the same path. */
export async function shareWithContainer(world: World): Promise<Left | null> {
  const container = await world.container();
  if (container === null) return null;
  const [one, other] = [world.repository("one"), world.repository("other")];
  container.bind(one);
  const inside = await sessionIn(container.host, WORKSPACE);
  await goOn(container.host, inside);
  await world.lists(one);
  container.bind(other);
  await sessionIn(container.host, WORKSPACE);
  return { lost: [[inside, one]], isPartly: true, isAsked: true, reason: /belong to a container/ };
}
