import { targetStatNow } from "../platform/read-now.ts";
import { readValidated, type ValidatedDatabase, writeValidated } from "../repair/validated.ts";
import { type FilesState, isSettled, listState, sessionState } from "../stores/json/file-states.ts";

/**
 * After the times of a list's files were compared, the result is used again for this long, in milliseconds. opencode
 * loads the list right after the start has checked it, so a second comparison would only cost time.
 */
const LOOK_HOLDS_MS = 1000;

interface Known {
  readonly databases: Map<string, ValidatedDatabase>;
  readonly sessions: Map<string, string>;
  readonly lists: Map<string, string>;
}

/** The records that this process and earlier ones found healthy, and that are proven to be unchanged. */
export class ValidatedMemory {
  readonly #dataDir: string;
  readonly #hostVersion: string | null;
  #known: Known | null = null;
  readonly #looks = new Map<string, { readonly isKnown: boolean; readonly at: number }>();
  #isSaved = true;

  constructor(dataDir: string, hostVersion: string | null) {
    this.#dataDir = dataDir;
    this.#hostVersion = hostVersion;
  }

  /**
   * The index of records that were found healthy. It is read on first use: with thousands of sessions this takes
   * milliseconds, and many starts do not need the index.
   */
  get #memory(): Known {
    if (this.#known === null) {
      const { databases, sessions, lists } = readValidated(this.#dataDir, this.#hostVersion);
      this.#known = {
        databases: new Map(Object.entries(databases)),
        sessions: new Map(Object.entries(sessions)),
        lists: new Map(Object.entries(lists)),
      };
    }
    return this.#known;
  }

  /** The state of a session's files, and whether it was found healthy in that state. */
  session(sessionID: string): Recollection {
    return this.#recollect(this.#memory.sessions, sessionID, () => sessionState(this.#dataDir, sessionID));
  }

  /** Whether a session was ever found healthy, in any state. */
  hasSession(sessionID: string): boolean {
    return this.#memory.sessions.has(sessionID);
  }

  /** The state of the records of a project's session list, and whether they were found healthy in that state. */
  list(projectID: string): Recollection {
    return this.#recollect(this.#memory.lists, projectID, () => listState(this.#dataDir, projectID));
  }

  /**
   * Whether a project's list was found healthy and is unchanged. The call takes no time if the list is not remembered.
   */
  knowsList(projectID: string): boolean {
    if (!this.#memory.lists.has(projectID)) return false;
    const last = this.#looks.get(projectID);
    if (last !== undefined && performance.now() - last.at < LOOK_HOLDS_MS) return last.isKnown;
    const { isKnown } = this.list(projectID);
    this.#looks.set(projectID, { isKnown, at: performance.now() });
    return isKnown;
  }

  #recollect(memory: Map<string, string>, id: string, look: () => FilesState): Recollection {
    const now = Date.now();
    const state = look();
    const isKnown = memory.get(id) === state.digest;
    return {
      isKnown,
      files: state.files,
      learn: (isHealthy) => {
        // The state was read before the records, so a write in the meantime gives another state.
        if (isHealthy && isSettled(state, now)) {
          if (memory.get(id) !== state.digest) this.#isSaved = false;
          memory.set(id, state.digest);
        } else if (memory.delete(id)) this.#isSaved = false;
      },
    };
  }

  database(path: string): ValidatedDatabase | null {
    return this.#memory.databases.get(path) ?? null;
  }

  learnDatabase(path: string, validated: ValidatedDatabase): void {
    this.#memory.databases.set(path, validated);
    this.#isSaved = false;
  }

  async save(): Promise<void> {
    if (this.#isSaved) return;
    this.#isSaved = true;
    await writeValidated(this.#dataDir, this.#hostVersion, {
      databases: Object.fromEntries(this.#memory.databases),
      sessions: Object.fromEntries(this.#memory.sessions),
      lists: Object.fromEntries(this.#memory.lists),
    });
  }
}

export interface Recollection {
  readonly isKnown: boolean;
  /** How many files were checked. */
  readonly files: number;
  /** Records the result of a check. The check must begin after the state was read. */
  learn(isHealthy: boolean): void;
}

/** The state of a database's file, without its WAL; `null` if the file is gone. */
export function databaseFileState(path: string): FilesState | null {
  const found = targetStatNow(path);
  if (found === undefined) return null;
  return { digest: `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`, changedMs: found.ctimeMs, files: 1 };
}
