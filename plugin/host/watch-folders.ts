import { type FSWatcher, readdirSync, watch as watchFolder } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageFolder, partFolder, sessionFolder } from "../stores/json/layout.ts";
import { type CaredStore, checkSession, look } from "./start-check.ts";
import type { Watch } from "./watch-database.ts";

/** Each watched folder takes one of the watches that the system gives a user, of which there are at least 8,192. */
const MOST_FOLDERS = 4000;

/** Writes come in bursts: a session is checked so long after the first, in milliseconds. */
const BURST_MS = 300;

/** Of the sessions that are not watched, one is looked at this often, in milliseconds. */
const PATROL_MS = 2000;

/** Watches the folders of the sessions in use, most recently used first, and looks at the others in turn. */
export async function watchFolders(watch: Watch, cared: CaredStore): Promise<FolderWatch> {
  const { projectID } = watch.input;
  const folders = new FolderWatch(watch, cared);
  if (projectID !== null) folders.watchList(projectID);
  const sessions = await cared.opened.store.sessions(null);
  for (const { id } of sessions) {
    await watch.pause();
    if (!folders.watchSession(id)) break;
  }
  void folders.patrol();
  return folders;
}

export class FolderWatch {
  readonly #watch: Watch;
  readonly #cared: CaredStore;
  readonly #dataDir: string;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #watched = new Set<string>();
  readonly #pending = new Set<string>();

  constructor(watch: Watch, cared: CaredStore) {
    this.#watch = watch;
    this.#cared = cared;
    this.#dataDir = watch.input.located.dataDir;
  }

  watchList(projectID: string): void {
    this.#follow(sessionFolder(projectID), () => this.#soon("", () => this.#checkList(projectID)));
  }

  /** `false` where no more folders can be watched. */
  watchSession(sessionID: string): boolean {
    this.#watched.add(sessionID);
    const check = () => this.#soon(sessionID, () => this.#checkSession(sessionID));
    const messages = messageFolder(sessionID);
    if (!this.#follow(messages, check)) return false;
    for (const name of namesIn(join(this.#dataDir, messages))) {
      if (name.endsWith(".json") && !this.#follow(partFolder(name.slice(0, -5)), check)) return false;
    }
    return true;
  }

  /** Looks at one session after the other that is not watched; what is unchanged costs a look at its files' times. */
  async patrol(): Promise<void> {
    for (;;) {
      const sessions = await this.#cared.opened.store.sessions(null).catch(() => []);
      for (const { id } of sessions) {
        if (this.#watched.has(id)) continue;
        await sleep(PATROL_MS, undefined, { ref: false });
        if (!this.#watch.activity.isBusy()) await this.#checkSession(id).catch(() => undefined);
      }
      await sleep(PATROL_MS, undefined, { ref: false });
      if (sessions.every(({ id }) => this.#watched.has(id))) return;
    }
  }

  #follow(folder: string, onChange: () => void): boolean {
    if (this.#watchers.has(folder)) return true;
    if (this.#watchers.size >= MOST_FOLDERS) return false;
    try {
      const watcher = watchFolder(join(this.#dataDir, folder), { persistent: false }, onChange);
      watcher.on("error", () => this.#forget(folder));
      this.#watchers.set(folder, watcher);
    } catch {
      // Not there yet, or no watch is left: the patrol comes by.
    }
    return true;
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #soon(key: string, check: () => Promise<void>): void {
    if (this.#pending.has(key)) return;
    this.#pending.add(key);
    const timer = setTimeout(
      () => {
        this.#pending.delete(key);
        void check().catch(() => undefined);
      },
      this.#watch.activity.isBusy() ? 4 * BURST_MS : BURST_MS,
    );
    timer.unref?.();
  }

  async #checkSession(sessionID: string): Promise<void> {
    const findings = await checkSession(this.#watch.input, this.#cared, sessionID);
    if (findings.length > 0) await this.#watch.found(findings);
    if (this.#watched.has(sessionID)) this.watchSession(sessionID);
  }

  async #checkList(projectID: string): Promise<void> {
    const findings = await look(this.#cared, { what: "list", projectID });
    if (findings.length > 0) await this.#watch.found(findings);
    for (const name of namesIn(join(this.#dataDir, sessionFolder(projectID)))) {
      const sessionID = name.replace(/\.json$/, "");
      if (!this.#watched.has(sessionID)) this.watchSession(sessionID);
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
