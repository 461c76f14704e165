import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { looksHealthy } from "../faults/quick-look.ts";
import { locatorText } from "../model/artifact.ts";
import { openFolderChanges } from "../platform/folder-changes.ts";
import { namesOrNone } from "../platform/read-now.ts";
import type { FolderChanges } from "../platform/system.ts";
import { messageFolder, partFolder, STORAGE, sessionFolder } from "../stores/json/layout.ts";
import type { RecordFile } from "../stores/store.ts";
import { checkScope, checkSession, type FollowedStore } from "./start-check.ts";
import type { Watch } from "./watch-database.ts";

/** The interval at which the watch looks for new writes, in milliseconds. */
const LOOK_MS = 750;

/**
 * Sessions whose folders are not watched are checked one after the other. These checks use at most this share of a
 * core. At most one check starts in {@link PATROL_MS} milliseconds.
 */
const PATROL_SHARE = 0.001;
const PATROL_MS = 500;

/** Folders in which each entry belongs to one session. */
const ASIDE = ["todo", "session_diff"] as const;

/** Follows everything that opencode 1.0-1.1 writes, so that only changed files are checked again. */
export class FolderWatch {
  readonly #watch: Watch;
  readonly #store: FollowedStore;
  readonly #dataDir: string;
  readonly #changes: FolderChanges | null;
  readonly #followed = new Set<string>();
  /** The session of every known message. */
  readonly #sessionOf = new Map<string, string>();
  /** Messages whose parts are followed. */
  readonly #withParts = new Set<string>();
  /** Sessions that must be checked once, although their folders are watched. */
  readonly #waiting = new Set<string>();
  #isPatrolling = false;

  private constructor(watch: Watch, followed: FollowedStore, changes: FolderChanges | null) {
    this.#watch = watch;
    this.#store = followed;
    this.#dataDir = watch.input.located.dataDir;
    this.#changes = changes;
  }

  /** Watches as many folders as the system allows, beginning with the sessions that were used last. */
  static async begin(watch: Watch, followed: FollowedStore): Promise<FolderWatch> {
    const folders = new FolderWatch(watch, followed, await openFolderChanges(watch.input.located.dataDir));
    for (const folder of ["session", "message", "part", ...ASIDE]) folders.#changes?.follow(`${STORAGE}/${folder}`);
    for (const projectID of folders.#namesIn(`${STORAGE}/session`)) folders.#changes?.follow(sessionFolder(projectID));
    await folders.#followSessions();
    folders.#follow();
    return folders;
  }

  /**
   * Checks one session after the other. Each `unsure` session is checked once. Sessions whose folders the system does
   * not watch are checked repeatedly. For an unchanged session, only the times of its files are read. Only one patrol
   * runs at a time, and further calls add sessions to it.
   */
  async patrol(unsure: Iterable<string>): Promise<void> {
    for (const id of unsure) this.#waiting.add(id);
    if (this.#isPatrolling) return;
    this.#isPatrolling = true;
    try {
      while (await this.#patrolOnce()) await sleep(PATROL_MS, undefined, { ref: false });
    } finally {
      this.#isPatrolling = false;
    }
  }

  /** Checks each session that needs it. Returns `false` if no session needs another check. */
  async #patrolOnce(): Promise<boolean> {
    const sessions = await this.#store.opened.store.sessions(null).catch(() => []);
    for (const { id } of sessions) {
      if (!this.#waiting.has(id) && this.#followed.has(id)) continue;
      const started = performance.now();
      // While opencode is busy, the check waits.
      if (!this.#watch.activity.isBusy()) {
        this.#waiting.delete(id);
        await this.#checkSession(id).catch(() => undefined);
      }
      const taken = performance.now() - started;
      await sleep(Math.max(PATROL_MS, taken / PATROL_SHARE), undefined, { ref: false });
    }
    return sessions.some(({ id }) => this.#waiting.has(id) || !this.#followed.has(id));
  }

  #follow(): void {
    const changes = this.#changes;
    if (changes === null) return;
    let isLooking = false;
    const look = async (changed: ReadonlySet<string> | "lost") => {
      if (changed !== "lost") return this.#lookAt(changed);
      // Folders that were created in the meantime are not followed yet.
      const sessions = await this.#followSessions();
      void this.patrol(sessions);
    };
    const timer = setInterval(() => {
      if (isLooking) return;
      const changed = changes.drain();
      if (changed !== "lost" && changed.size === 0) return;
      isLooking = true;
      void look(changed)
        .catch(() => undefined)
        .finally(() => {
          isLooking = false;
        });
    }, LOOK_MS);
    timer.unref?.();
  }

  /** Checks the changed files. The whole session is checked only if one of these files does not look healthy. */
  async #lookAt(paths: ReadonlySet<string>): Promise<void> {
    const files: RecordFile[] = [];
    const touched = new Set<string>();
    const lists = new Set<string>();
    for (const path of paths) this.#sort(path, files, touched, lists);
    const { store } = this.#store.opened;
    store.fileRecords?.visitNow(files, (artifact, text) => {
      if (looksHealthy(artifact, text, null, store.description)) return;
      if (artifact.kind === "session") lists.add(locatorText(artifact.locator).split("/")[2] ?? "");
      else if (artifact.sessionID !== null) touched.add(artifact.sessionID);
    });
    for (const projectID of lists) await this.#checkList(projectID);
    for (const sessionID of touched) await this.#checkSession(sessionID);
  }

  /** Finds the records to which a change belongs. */
  #sort(path: string, files: RecordFile[], touched: Set<string>, lists: Set<string>): void {
    const [, kind, owner = "", name] = path.split("/");
    if (kind === "session") {
      if (name?.endsWith(".json")) files.push({ kind, sessionID: name.slice(0, -5), path });
      else lists.add(owner);
      if (name === undefined) this.#changes?.follow(sessionFolder(owner));
    } else if (kind === "message" && name === undefined) {
      this.#followSession(owner);
      touched.add(owner);
    } else if (kind === "message" && name !== undefined) {
      if (!name.endsWith(".json") || !name.startsWith("msg")) touched.add(owner);
      else files.push({ kind, sessionID: owner, path }, ...this.#followParts(name.slice(0, -5), owner));
    } else if (kind === "part") {
      const sessionID = this.#sessionOf.get(owner);
      if (sessionID === undefined) return;
      if (name === undefined) files.push(...this.#followParts(owner, sessionID));
      else if (name.endsWith(".json")) files.push({ kind, sessionID, path });
      else touched.add(sessionID);
    } else if ((kind === "todo" || kind === "session_diff") && owner.endsWith(".json")) {
      files.push({ kind, sessionID: owner.slice(0, -5), path });
    }
  }

  /**
   * Watches as many sessions as the system allows, beginning with those that were used last. Returns the ids of all
   * sessions.
   */
  async #followSessions(): Promise<string[]> {
    const sessions = (await this.#store.opened.store.sessions(null)).map(({ id }) => id);
    for (const id of sessions) {
      await this.#watch.pause();
      if (!this.#followSession(id)) break;
    }
    return sessions;
  }

  /** Watches the folders of a session. Returns `false` if the system allows no more watches. */
  #followSession(sessionID: string): boolean {
    const messages = messageFolder(sessionID);
    if (this.#changes === null || this.#changes.follow(messages) === "full") return false;
    for (const name of this.#namesIn(messages)) {
      if (!name.endsWith(".json")) continue;
      const messageID = name.slice(0, -5);
      this.#sessionOf.set(messageID, sessionID);
      const followed = this.#changes.follow(partFolder(messageID));
      if (followed === "full") return false;
      if (followed === "followed") this.#withParts.add(messageID);
    }
    this.#followed.add(sessionID);
    return true;
  }

  /**
   * Watches the folder of a message's parts as soon as that folder exists. Returns the part files that are there
   * already.
   */
  #followParts(messageID: string, sessionID: string): RecordFile[] {
    if (this.#withParts.has(messageID)) return [];
    this.#sessionOf.set(messageID, sessionID);
    const folder = partFolder(messageID);
    if (this.#changes?.follow(folder) !== "followed") return [];
    this.#withParts.add(messageID);
    return this.#namesIn(folder).map((name) => ({ kind: "part", sessionID, path: `${folder}/${name}` }));
  }

  async #checkSession(sessionID: string): Promise<void> {
    const findings = await checkSession(this.#watch.input, this.#store, sessionID);
    if (findings.length > 0) await this.#watch.found(findings);
  }

  async #checkList(projectID: string): Promise<void> {
    const findings = await checkScope(this.#store, { what: "list", projectID });
    if (findings.length > 0) await this.#watch.found(findings);
  }

  #namesIn(folder: string): string[] {
    return namesOrNone(join(this.#dataDir, folder));
  }
}
