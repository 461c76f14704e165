import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { errnoCode } from "../../platform/file-system.ts";
import { namesNow, type RawStat, statNow } from "../../platform/read-now.ts";
import { messageFolder, partFolder, STORAGE, sessionFolder } from "./layout.ts";

/**
 * The names, sizes, inodes and times of some files, as a digest. If two states are equal and both are settled, no file
 * was written, replaced, added or removed between them. The reason is that every write sets the change time, and no
 * program can set that time to an older value.
 */
export interface FilesState {
  readonly digest: string;
  /** The time of the latest change, in milliseconds since 1970. */
  readonly changedMs: number;
  /** The number of files in the state. */
  readonly files: number;
}

/**
 * If a file is written twice within one tick of a file system's clock, the second write does not alter the change time.
 * No file system has a coarser clock than this.
 */
const COARSEST_TICK_MS = 2000;

/** Whether every later write will certainly alter the state. `now` is a time before the files were read. */
export function isSettled(state: FilesState, now: number): boolean {
  return state.changedMs < now - COARSEST_TICK_MS;
}

/**
 * The state of all files that opencode loads for a session, except the session's own record. This function is
 * synchronous, and takes 3 µs for each file.
 */
export function sessionState(dataDir: string, sessionID: string): FilesState {
  const look = new Look(dataDir);
  const messages = messageFolder(sessionID);
  look.at(`${STORAGE}/todo/${sessionID}.json`);
  look.at(`${STORAGE}/session_diff/${sessionID}.json`);
  for (const name of look.into(messages)) if (name.endsWith(".json")) look.into(partFolder(name.slice(0, -5)));
  return look.result();
}

/** The state of all files that decide whether the session list of a project loads. */
export function listState(dataDir: string, projectID: string): FilesState {
  const look = new Look(dataDir);
  look.at(`${STORAGE}/project/${projectID}.json`);
  look.into(sessionFolder(projectID));
  return look.result();
}

class Look {
  readonly #dataDir: string;
  readonly #hash: Hash = createHash("sha1");
  #changedMs = 0;
  #files = 0;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  at(path: string): RawStat | undefined {
    const found = statNow(join(this.#dataDir, path));
    if (found === undefined) {
      this.#hash.update(`${path}\n`);
      return undefined;
    }
    this.#files += 1;
    this.#changedMs = Math.max(this.#changedMs, found.ctimeMs);
    this.#hash.update(`${path}\0${found.ino} ${found.mode} ${found.size} ${found.mtimeMs} ${found.ctimeMs}\n`);
    return found;
  }

  /** Adds a folder and everything below it to the state. Returns the names in the folder. */
  into(folder: string): string[] {
    const names = this.#names(folder);
    for (const name of names) {
      const path = `${folder}/${name}`;
      if (this.at(path)?.isDirectory()) this.into(path);
    }
    return names;
  }

  #names(folder: string): string[] {
    try {
      return namesNow(join(this.#dataDir, folder)).sort();
    } catch (error) {
      this.#hash.update(`${folder} ${errnoCode(error)}\n`);
      return [];
    }
  }

  result(): FilesState {
    return { digest: this.#hash.digest("hex"), changedMs: this.#changedMs, files: this.#files };
  }
}
