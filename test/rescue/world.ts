import { Database } from "bun:sqlite";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type HostVersion, minorOf } from "../host/binary.ts";
import { createHome, type HermeticHome } from "../host/home.ts";
import { openDatabase } from "../host/record-place.ts";
import { restoreRows } from "../host/restored-store.ts";
import { type RunningHost, startHost } from "../host/running-host.ts";
import { records } from "../host/session-answers.ts";
import { Container, canContain } from "./container.ts";

const CAN_CONTAIN = canContain();

/** The facts of a session at the time of its creation. */
export interface MadeSession {
  readonly id: string;
  readonly directory: string;
  readonly projectID: string;
}

/** The sessions that the lists of a host show if they are requested from one folder. */
export interface Lists {
  /** The list of the terminal UI, by the query of the host's version line (docs/host-measurements.md). */
  readonly terminal: ReadonlySet<string>;
  /** The list of the web page and of opencode Desktop. */
  readonly web: ReadonlySet<string>;
}

const identity = {
  GIT_AUTHOR_NAME: "World",
  GIT_AUTHOR_EMAIL: "world@example.invalid",
  GIT_COMMITTER_NAME: "World",
  GIT_COMMITTER_EMAIL: "world@example.invalid",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};

const shared = new Map<HostVersion, World>();

/** Folders, repositories and one real host. The host starts again in each folder that it is asked about. */
export class World {
  readonly home: HermeticHome;
  host: RunningHost;
  /** The folder that contains all other folders of this world. */
  root: string;
  #commits = 0;
  #container: Promise<Container> | null = null;
  #worlds = 0;

  private constructor(home: HermeticHome, host: RunningHost, root: string) {
    this.home = home;
    this.host = host;
    this.root = root;
  }

  /** Continues in a new, empty folder. The other folders, the host and the database stay. */
  enter(name: string): void {
    this.root = join(realpathSync(this.home.root), "world", name);
    mkdirSync(this.root);
  }

  static async start(version: HostVersion = "1.18.33"): Promise<World> {
    const home = await createHome(version);
    const root = join(realpathSync(home.root), "world");
    mkdirSync(root);
    return new World(home, await startHost({ home }), root);
  }

  /**
   * A container that shares the data directory. The first call starts the container. `null` if this machine does not
   * allow it.
   */
  container(): Promise<Container | null> {
    if (!CAN_CONTAIN) return Promise.resolve(null);
    this.#container ??= Container.start(this, join(realpathSync(this.home.root), "world"));
    return this.#container;
  }

  /** An empty world of a version. All calls for this version share one host, which keeps running. */
  static async emptied(version: HostVersion = "1.18.33"): Promise<World> {
    const known = shared.get(version);
    if (known !== undefined) return known.#empty();
    const world = await World.start(version);
    shared.set(version, world);
    // opencode makes the tables when it boots a project, and then also adds the record of that project.
    await world.projectOf(world.root);
    const first = join(world.home.root, "first.db");
    {
      using database = openDatabase(world.home);
      database.run("vacuum into ?", [first]);
    }
    {
      using database = new Database(first);
      database.run("pragma foreign_keys = on");
      database.run("delete from project");
    }
    return world.#empty();
  }

  /** Stops the worlds that tests have shared. A test file calls this in `afterAll`. */
  static async endShared(): Promise<void> {
    for (const world of shared.values()) await world.stop();
    shared.clear();
  }

  async #empty(): Promise<World> {
    for (const folder of startedFolders(this.host)) await leave(this.host, folder);
    const { dataDir } = this.home;
    for (const name of readdirSync(dataDir)) {
      if (!/^(opencode\.db(-wal|-shm)?|log|bin)$/.test(name)) rmSync(join(dataDir, name), { recursive: true });
    }
    restoreRows(dataDir, join(this.home.root, "first.db"));
    this.#worlds += 1;
    this.enter(`of-its-own-${this.#worlds}`);
    return this;
  }

  async stop(): Promise<void> {
    await (await this.#container)?.stop();
    await this.host.stop();
    await this.home.remove();
  }

  /** Continues with another version of opencode on the same data. */
  async upgrade(version: HostVersion): Promise<void> {
    await this.host.stop();
    this.host = await startHost({ home: this.home, version });
  }

  at(...names: readonly string[]): string {
    return join(this.root, ...names);
  }

  folder(...names: readonly string[]): string {
    const path = this.at(...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  git(folder: string, ...args: readonly string[]): string {
    return this.#gitAt(null, folder, ...args);
  }

  /** `atMs` is the time of the commit that git records. */
  #gitAt(atMs: number | null, folder: string, ...args: readonly string[]): string {
    const moment = atMs === null ? {} : { GIT_COMMITTER_DATE: `@${Math.floor(atMs / 1000)} +0000` };
    const env = { PATH: process.env.PATH, ...identity, ...moment };
    return execFileSync("git", [...args], { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Every commit has different content, so that no two repositories have the same first commit. */
  commit(folder: string, atMs: number | null = null): void {
    this.#commits += 1;
    writeFileSync(join(folder, "file.txt"), `${this.#commits} ${process.pid} ${this.root}\n`);
    this.git(folder, "add", "file.txt");
    this.#gitAt(atMs, folder, "commit", "--quiet", "--no-gpg-sign", "-m", `commit ${this.#commits}`);
  }

  repository(...names: readonly string[]): string {
    const folder = this.folder(...names);
    this.git(folder, "init", "--quiet", "--initial-branch=main");
    this.commit(folder);
    return folder;
  }

  session(folder: string, title = "made here"): Promise<MadeSession> {
    return sessionIn(this.host, folder, title);
  }

  /** Makes a session in a folder. The host must have started in this folder after the last change there. */
  sessionOfStarted(folder: string): Promise<MadeSession> {
    return makeSession(this.host, folder, "made here");
  }

  /** The project that the host uses for a folder. */
  async projectOf(folder: string): Promise<string> {
    await startIn(this.host, folder);
    const { body } = await this.host.request("GET", `/project/current?directory=${encodeURIComponent(folder)}`);
    return (body as { id: string }).id;
  }

  lists(folder: string): Promise<Lists> {
    return listsOf(this.host, folder);
  }
}

/** The folders in which each host was started: the requested paths, and the paths to which links lead. */
const started = new WeakMap<RunningHost, Set<string>>();

function startedFolders(host: RunningHost): Set<string> {
  const known = started.get(host) ?? new Set();
  started.set(host, known);
  return known;
}

/**
 * opencode decides about a folder when it starts there, so every question needs a new start. The host is told to leave
 * only a folder in which it was started. To leave any other folder, opencode would first start in it.
 */
async function startIn(host: RunningHost, folder: string): Promise<void> {
  const folders = startedFolders(host);
  const names = existsSync(folder) ? [folder, realpathSync(folder)] : [folder];
  if (names.some((name) => folders.has(name))) await leave(host, folder);
  for (const name of names) folders.add(name);
}

async function leave(host: RunningHost, folder: string): Promise<void> {
  await host.request("POST", `/instance/dispose?directory=${encodeURIComponent(folder)}`, {});
  startedFolders(host).delete(folder);
}

/** Makes a session in a folder, after a new start of the host in this folder. */
export async function sessionIn(host: RunningHost, folder: string, title = "made here"): Promise<MadeSession> {
  await startIn(host, folder);
  return makeSession(host, folder, title);
}

async function makeSession(host: RunningHost, folder: string, title: string): Promise<MadeSession> {
  const directory = encodeURIComponent(folder);
  const { status, body } = await host.request("POST", `/session?directory=${directory}`, { title });
  if (status !== 200) throw new Error(`no session in ${folder}: ${status} ${JSON.stringify(body)}`);
  const made = body as { id: string; directory: string; projectID: string };
  return { id: made.id, directory: made.directory, projectID: made.projectID };
}

/** The sessions that a host lists after a new start in a folder. */
export async function listsOf(host: RunningHost, folder: string): Promise<Lists> {
  await startIn(host, folder);
  const directory = encodeURIComponent(folder);
  const { body } = await host.request("GET", `/path?directory=${directory}`);
  const at = body as { worktree: string; directory: string };
  const below = encodeURIComponent(relative(at.worktree, at.directory));
  const ids = async (query: string) => {
    const answer = await host.request("GET", `/session?${query}`);
    if (answer.status !== 200) throw new Error(`GET /session?${query}: ${answer.status}`);
    return new Set(records(answer.body).map(({ id }) => String(id)));
  };
  const minor = minorOf(host.version);
  const start = Date.now() - 30 * 24 * 60 * 60 * 1000;
  const queries = [
    ...(minor >= 17 ? ["roots=true&limit=100"] : [`start=${start}`]),
    ...(minor >= 14 ? [`path=${below}`] : []),
  ];
  return {
    terminal: await ids([...queries, `directory=${directory}`].join("&")),
    web: await ids(`directory=${directory}&roots=true&limit=55`),
  };
}

/** Continues a session with a question for which no model is called. */
export async function goOn(host: RunningHost, { id, directory }: Pick<MadeSession, "id" | "directory">): Promise<void> {
  const body = { noReply: true, parts: [{ type: "text", text: "and further" }] };
  const path = `/session/${id}/message?directory=${encodeURIComponent(directory)}`;
  const { status, body: said } = await host.request("POST", path, body);
  if (status !== 200) throw new Error(`session ${id} did not go on: ${status} ${JSON.stringify(said)}`);
}

/** The ids of the messages with which a host opens a session. `null` if the host does not open the session. */
export async function messagesOf(host: RunningHost, id: string): Promise<readonly string[] | null> {
  const { status, body } = await host.request("GET", `/session/${id}/message`);
  if (status !== 200) return null;
  return (records(body) as unknown as { info: { id: string } }[]).map(({ info }) => info.id);
}
