import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostVersion } from "./binary.ts";
import { cacheDirectory } from "./cache.ts";
import { resetGitProject } from "./git-project.ts";
import { createHome, type HermeticHome, type HomeOptions } from "./home.ts";
import { startModelServer } from "./model-server.ts";
import { startHost } from "./running-host.ts";
import { type StoredSessions, writeRealSessions } from "./sessions.ts";

/** Increase this number whenever `writeRealSessions` writes other sessions. */
const fixtureFormat = 2;

/**
 * The plugin's options in tests that set no others. Users have a budget of one second, but on a busy machine a repair
 * can take longer. This is the largest value that the option accepts, in milliseconds.
 */
export const PATIENT = { budgetMs: 60_000 };

/** A separate copy of a store that a real opencode wrote. */
export interface RealStore {
  readonly home: HermeticHome;
  readonly dataDir: string;
  /** The project of the sessions. All copies of a version share this directory, so do not change files in it. */
  readonly project: string;
  readonly projectID: string;
  readonly sessions: StoredSessions;
  readonly sessionIDs: readonly string[];
}

interface StoreRecord {
  readonly project: string;
  readonly projectID: string;
  readonly sessions: StoredSessions;
}

/**
 * Makes a new home with sessions that a real opencode of this version wrote. The sessions are written once for each
 * machine, and are kept in `.cache/stores`. Every caller gets its own copy with the WAL, and removes it with
 * `home.remove()`.
 */
export async function realStore(version: HostVersion, options: Pick<HomeOptions, "complete"> = {}): Promise<RealStore> {
  const writer = writerFor(version);
  const project = await projectDirectory(writer);
  const cached = cachedStore(writer);
  const record =
    (await readRecord(cached, project)) ??
    (await alone(`${cached}.lock`, async () => (await readRecord(cached, project)) ?? write(writer, project, cached)));
  const home = await createHome(version, { ...options, project });
  await writeFile(join(home.configDir, "session-repair.json"), JSON.stringify(PATIENT));
  await cp(writtenStore(version), home.dataDir, { recursive: true, preserveTimestamps: true });
  const sessionIDs = Object.values(record.sessions).map((session) => session.id);
  return { home, dataDir: home.dataDir, ...record, sessionIDs };
}

/** The cached data directory from which the stores of a version are copied. Do not open or change its files. */
export function writtenStore(version: HostVersion): string {
  return join(cachedStore(writerFor(version)), "opencode");
}

function cachedStore(writer: HostVersion): string {
  return cacheDirectory(join("stores", `${writer}-${fixtureFormat}`));
}

/**
 * The release that writes the sessions for this version. Up to 1.0.98, opencode installs the model's package from the
 * internet before it answers. 1.0.142 contains that package, and writes the same files.
 */
export function writerFor(version: HostVersion): HostVersion {
  return Bun.semver.order(version, "1.0.142") < 0 ? "1.0.142" : version;
}

async function projectDirectory(version: HostVersion): Promise<string> {
  return join(await realpath(tmpdir()), `opencode-session-repair-project-${version}`);
}

async function readRecord(cached: string, project: string): Promise<StoreRecord | undefined> {
  const text = await readFile(join(cached, "store.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as StoreRecord;
  return record.project === project ? record : undefined;
}

async function write(version: HostVersion, project: string, cached: string): Promise<StoreRecord> {
  const home = await createHome(version, { project });
  const model = startModelServer();
  try {
    await resetGitProject(project);
    const host = await startHost({ home, model });
    if (fetchesModels(version)) await writeModelList(home);
    let sessions: StoredSessions;
    let projectID: string;
    try {
      sessions = await writeRealSessions(host, model);
      projectID = ((await host.get("/project/current")).body as { id: string }).id;
      await sleep(500);
    } finally {
      await host.stop();
    }
    await resetGitProject(project);
    const record = { project, projectID, sessions };
    await keep(home, record, cached);
    return record;
  } finally {
    await model.stop();
    await home.remove();
  }
}

/**
 * Whether this version needs an empty list of models. 1.1.27 to 1.1.34 download the list before the first turn if it is
 * missing. 1.0.152 does not accept an empty list.
 */
function fetchesModels(version: HostVersion): boolean {
  return Bun.semver.order(version, "1.1.27") >= 0 && Bun.semver.order(version, "1.1.34") <= 0;
}

async function writeModelList(home: HermeticHome): Promise<void> {
  const folder = join(home.root, "cache", "opencode");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "models.json"), "{}");
}

async function keep(home: HermeticHome, record: StoreRecord, cached: string): Promise<void> {
  await mkdir(dirname(cached), { recursive: true });
  const stage = await mkdtemp(`${cached}-`);
  const skipped = [join(home.dataDir, "log"), join(home.dataDir, "bin"), join(home.dataDir, "opencode.db-shm")];
  await cp(home.dataDir, join(stage, "opencode"), {
    recursive: true,
    preserveTimestamps: true,
    filter: (source) => !skipped.includes(source),
  });
  await writeFile(join(stage, "store.json"), JSON.stringify(record, null, 2));
  await rm(cached, { recursive: true, force: true });
  await rename(stage, cached);
}

/** Runs `work` while no other process has the same lock. If the owner of a lock has ended, its lock is removed. */
async function alone<T>(lock: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lock), { recursive: true });
  const deadline = Date.now() + 5 * 60_000;
  for (;;) {
    const taken = await mkdir(lock).then(
      () => true,
      () => false,
    );
    if (taken) break;
    const owner = Number(await readFile(join(lock, "pid"), "utf8").catch(() => "0"));
    if (owner > 0 && !alive(owner)) await rm(lock, { recursive: true, force: true });
    if (Date.now() > deadline) throw new Error(`the lock ${lock} stays taken; remove it when nobody writes that store`);
    await sleep(100);
  }
  try {
    await writeFile(join(lock, "pid"), String(process.pid));
    return await work();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
