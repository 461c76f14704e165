import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { errnoCode } from "../../platform/file-system.ts";
import { namesNow, type RawStat, statNow } from "../../platform/read-now.ts";
import { messageFolder, partFolder, STORAGE, sessionFolder } from "./layout.ts";

/**
 * The facts that the file system states about some files without their content: names, sizes, inodes, times. If two
 * states are equal and both are settled, no file was written, replaced, added or removed between them. Every write sets
 * the change time, and no program can set it to an older value.
 */
export interface FilesState {
  readonly digest: string;
  /** The latest change, in milliseconds since 1970. */
  readonly changedMs: number;
  /** How many files these are. */
  readonly files: number;
}

/**
 * A write within the same tick of a coarse clock does not alter the change time. No file system has a coarser clock
 * than this.
 */
const COARSEST_TICK_MS = 2000;

/** Whether a later write would certainly change the state. `now` is a time before the files were read. */
export function isSettled(state: FilesState, now: number): boolean {
  return state.changedMs < now - COARSEST_TICK_MS;
}

/**
 * The state of everything that a host loads for a session, except its own record. The function is synchronous: it takes
 * 3 µs for each file.
 */
export function sessionState(dataDir: string, sessionID: string): FilesState {
  const look = new Look(dataDir);
  const messages = messageFolder(sessionID);
  look.at(`${STORAGE}/todo/${sessionID}.json`);
  look.at(`${STORAGE}/session_diff/${sessionID}.json`);
  for (const name of look.into(messages)) if (name.endsWith(".json")) look.into(partFolder(name.slice(0, -5)));
  return look.result();
}

/** The state of the records that decide whether a project's session list loads. */
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

  /** Adds everything in a folder and below it; returns the names in it. */
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
