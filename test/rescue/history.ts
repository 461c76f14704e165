import { cpSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Random } from "../oracle/random.ts";
import { WORKSPACE } from "./container.ts";
import { DatabaseCopy } from "./copy.ts";
import { goOn, type MadeSession, sessionIn, type World } from "./world.ts";

/** The steps of a history in their order, and the sessions and folders to ask about afterwards. */
export interface History {
  readonly steps: readonly string[];
  readonly sessions: readonly MadeSession[];
  /** Every folder that the history made and that still exists at the end. */
  readonly folders: readonly string[];
  /** The folders that a container had as its workspace. */
  readonly bound: readonly string[];
  /** The ids of the sessions that opencode was asked to delete. */
  readonly deleted: ReadonlySet<string>;
  readonly copy: DatabaseCopy | null;
}

/**
 * Runs a random history. Its steps make, clone, move and delete folders and repositories, and use sessions in between.
 */
export async function liveHistory(world: World, random: Random, length: number): Promise<History> {
  const teller = new Teller(world, random);
  await teller.tell("plain");
  await teller.tell("session");
  for (let step = 0; step < length; step += 1) await teller.tell(random.pick(ACTS));
  return teller.history();
}

type Act = (typeof ACTS)[number];

const ACTS = [
  ...["plain", "init", "init", "emptyRepository", "commit", "clone", "clone", "remote", "withoutRemote"],
  ...["newRoot", "withoutGit", "rename", "rename", "move", "worktree", "copy", "remove", "again", "link", "swap"],
  ...["session", "session", "session", "session", "session", "below", "open", "open"],
  ...["contained", "contained", "goOn", "goOn"],
  ...["copyDatabase", "delete", "goOnInCopy", "sessionInCopy"],
] as const;

/**
 * Names that people and programs give to copies of the database. `opencode-prod.db` is the database of a release
 * channel.
 */
const COPIES = ["opencode.db.bak", "opencode 2.db", "opencode-prod.db"] as const;

class Teller {
  readonly #world: World;
  readonly #random: Random;
  readonly #steps: string[] = [];
  readonly #sessions: MadeSession[] = [];
  #folders: string[] = [];
  readonly #deleted = new Set<string>();
  #bound: string[] = [];
  #copy: DatabaseCopy | null = null;
  #names = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  history(): History {
    const sessionFolders = this.#sessions.map(({ directory }) => directory);
    const folders = [...new Set([...this.#folders, ...sessionFolders])].filter(isFolder);
    const bound = [...new Set(this.#bound)].filter(isFolder);
    const [copy, deleted] = [this.#copy, this.#deleted];
    return { steps: this.#steps, sessions: this.#sessions, folders, bound, deleted, copy };
  }

  async tell(act: Act): Promise<void> {
    const done = await this.#do(act);
    if (done !== null) this.#steps.push(`${act} ${done.replaceAll(this.#world.root, "")}`);
  }

  /** Does one step and describes it for a report. Returns `null` if the step is not possible now. */
  async #do(act: Act): Promise<string | null> {
    const world = this.#world;
    const here = this.#folders.filter(isFolder);
    if (act === "plain") return this.#plain(here);
    if (here.length === 0) return null;
    const at = this.#random.pick(here);
    const repositories = here.filter((folder) => isFolder(join(folder, ".git")));
    const repository = repositories.length === 0 ? null : this.#random.pick(repositories);
    const hasCommit = repository !== null && headOf(world, repository);
    switch (act) {
      case "init":
      case "emptyRepository":
        if (existsSync(join(at, ".git"))) return null;
        world.git(at, "init", "--quiet", "--initial-branch=main");
        if (act === "init") world.commit(at);
        return at;
      case "commit":
        if (repository !== null) world.commit(repository);
        return repository;
      case "clone": {
        if (repository === null || !hasCommit) return null;
        const to = this.#newName(world.root);
        world.git(world.root, "clone", "--quiet", repository, to);
        this.#folders.push(to);
        return `${repository} ${to}`;
      }
      case "remote": {
        if (repository === null) return null;
        // All histories share one database, so each history uses remote addresses of its own.
        const team = basename(world.root);
        const url = this.#random.pick([`https://example.invalid/${team}/app.git`, `git@example.invalid:${team}/b.git`]);
        world.git(repository, "config", "remote.origin.url", url);
        return `${repository} ${url}`;
      }
      case "withoutRemote":
        if (repository === null || !world.git(repository, "remote").includes("origin")) return null;
        world.git(repository, "remote", "remove", "origin");
        return repository;
      case "newRoot":
        if (repository === null) return null;
        rmSync(join(repository, ".git"), { recursive: true });
        world.git(repository, "init", "--quiet", "--initial-branch=main");
        world.commit(repository);
        return repository;
      case "withoutGit":
        if (repository === null) return null;
        rmSync(join(repository, ".git"), { recursive: true });
        return repository;
      case "rename":
      case "move": {
        const holder = act === "rename" ? dirname(at) : this.#random.pick([world.root, ...here]);
        if (`${holder}/`.startsWith(`${at}/`)) return null;
        const to = this.#newName(holder);
        renameSync(at, to);
        this.#follow(at, to);
        return `${at} ${to}`;
      }
      case "link": {
        const to = this.#newName(dirname(at));
        renameSync(at, to);
        this.#follow(at, to);
        symlinkSync(to, at);
        return `${at} ${to}`;
      }
      case "swap": {
        const other = this.#random.pick(here);
        if (`${other}/`.startsWith(`${at}/`) || `${at}/`.startsWith(`${other}/`)) return null;
        const between = this.#newName(world.root);
        for (const [from, to] of [
          [at, between],
          [other, at],
          [between, other],
        ] as const) {
          renameSync(from, to);
          this.#follow(from, to);
        }
        return `${at} ${other}`;
      }
      case "worktree": {
        if (repository === null || !hasCommit) return null;
        const to = this.#newName(world.root);
        world.git(repository, "worktree", "add", "--quiet", "--detach", to);
        this.#folders.push(to);
        return `${repository} ${to}`;
      }
      case "copy": {
        const to = this.#newName(world.root);
        cpSync(at, to, { recursive: true, verbatimSymlinks: true });
        this.#folders.push(to);
        return `${at} ${to}`;
      }
      case "remove":
      case "again":
        rmSync(at, { recursive: true });
        if (act === "again") mkdirSync(at);
        return at;
      case "session":
        this.#sessions.push(await world.session(at));
        return at;
      case "below": {
        const below = join(at, "below");
        // If `below` is a broken link, no folder can be made there.
        if (!existsSync(below) && lstatSync(below, { throwIfNoEntry: false }) !== undefined) return null;
        mkdirSync(below, { recursive: true });
        this.#folders.push(below);
        this.#sessions.push(await world.session(below));
        return below;
      }
      case "open":
        await world.lists(at);
        return at;
      case "contained": {
        const container = await world.container();
        if (container === null) return null;
        container.bind(at);
        this.#bound.push(at);
        const made = await sessionIn(container.host, WORKSPACE);
        this.#sessions.push(made);
        return `${at} ${made.id}`;
      }
      case "copyDatabase": {
        if (this.#copy !== null) return null;
        const name = this.#random.pick(COPIES);
        this.#copy = new DatabaseCopy(world, name);
        return name;
      }
      case "sessionInCopy": {
        if (this.#copy === null) return null;
        this.#sessions.push(await sessionIn(await this.#copy.host(), at));
        return at;
      }
      case "delete":
      case "goOn":
      case "goOnInCopy":
        return this.#withSession(act);
    }
    return null;
  }

  /** Does something with an existing session. */
  async #withSession(act: "delete" | "goOn" | "goOnInCopy"): Promise<string | null> {
    const world = this.#world;
    const host = act === "goOnInCopy" ? await this.#copy?.host() : world.host;
    if (host === undefined || this.#sessions.length === 0) return null;
    const { id } = this.#random.pick(this.#sessions);
    if ((await host.request("GET", `/session/${id}`)).status !== 200) return null;
    if (act === "delete") {
      await host.request("DELETE", `/session/${id}`);
      this.#deleted.add(id);
    } else await goOn(host, { id, directory: world.home.project });
    return id;
  }

  #plain(here: readonly string[]): string {
    const holder = here.length > 0 && this.#random.chance(0.3) ? this.#random.pick(here) : this.#world.root;
    const made = this.#newName(holder);
    mkdirSync(made, { recursive: true });
    this.#folders.push(made);
    return made;
  }

  #newName(holder: string): string {
    this.#names += 1;
    return join(holder, `n${this.#names}`);
  }

  /** Updates the known paths after a folder was renamed. */
  #follow(from: string, to: string): void {
    const follow = (folder: string) => (`${folder}/`.startsWith(`${from}/`) ? to + folder.slice(from.length) : folder);
    this.#folders = this.#folders.map(follow);
    this.#bound = this.#bound.map(follow);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function headOf(world: World, repository: string): boolean {
  try {
    return world.git(repository, "rev-parse", "--verify", "--quiet", "HEAD") !== "";
  } catch {
    return false;
  }
}
