import { basename, join } from "node:path";
import { type DirectoryEntry, errnoCode, type FileSystem } from "../../platform/file-system.ts";
import { inPlaceOfRecords, listFolder, messageFolder, STORAGE, sessionFolder, visibleEntries } from "./layout.ts";

/** The folders of opencode 1.0-1.1, listed in the same way as opencode lists them. */
export class RecordTree {
  /** The interface to files, changed so that folders which the user may not open count as missing. */
  readonly files: FileSystem;
  readonly dataDir: string;

  constructor(files: FileSystem, dataDir: string) {
    this.files = passingOverClosed(files);
    this.dataDir = dataDir;
  }

  /** The ids of the projects that have a folder of sessions. */
  async projectFolders(): Promise<string[]> {
    const folder = join(this.dataDir, STORAGE, "session");
    const names: string[] = [];
    for (const { name, type } of visibleEntries((await this.files.list(folder)) ?? [])) {
      // opencode follows a symbolic link that leads to a folder (measured on 1.1.65).
      const isFolder =
        type === "directory" || (type === "symlink" && (await this.files.list(join(folder, name))) !== null);
      if (isFolder) names.push(name);
    }
    return names;
  }

  /** The ids of all sessions that have messages, a todo list or a diff. */
  async everySessionID(): Promise<string[]> {
    const ids = new Set<string>();
    const folders = (await this.files.list(join(this.dataDir, STORAGE, "message"))) ?? [];
    // opencode follows a symbolic link that leads to a folder, so links count as folders here.
    for (const { name, type } of visibleEntries(folders)) if (type === "directory" || type === "symlink") ids.add(name);
    for (const path of await this.filesIn(`${STORAGE}/todo`)) ids.add(basename(path, ".json"));
    // A folder or a link in the place of a file with diffs makes 1.0.61 fail, so the type of the entry does not count.
    const diffs = (await this.files.list(join(this.dataDir, STORAGE, "session_diff"))) ?? [];
    for (const { name } of visibleEntries(diffs)) if (name.endsWith(".json")) ids.add(basename(name, ".json"));
    return [...ids];
  }

  /** The ids of the sessions that have a link, or a folder without files, in the place of their record. */
  async unlistedSessions(): Promise<Set<string>> {
    const ids = new Set<string>();
    for (const project of await this.projectFolders()) {
      const found = await listFolder(this.files, this.dataDir, sessionFolder(project));
      for (const name of found === null ? [] : inPlaceOfRecords(found, "ses")) ids.add(basename(name, ".json"));
    }
    return ids;
  }

  /** The JSON files of a folder, as paths below the data directory. */
  async filesIn(folder: string): Promise<string[]> {
    const entries = (await this.files.list(join(this.dataDir, folder))) ?? [];
    return visibleEntries(entries)
      .filter((entry) => entry.type === "file" && entry.name.endsWith(".json"))
      .map((entry) => `${folder}/${entry.name}`);
  }

  async isFolder(path: string): Promise<boolean> {
    return (await this.files.stat(join(this.dataDir, path)))?.type === "directory";
  }

  async hasMessages(sessionID: string): Promise<boolean> {
    return (await this.files.list(join(this.dataDir, messageFolder(sessionID)))) !== null;
  }

  /**
   * Whether a session has a record or messages. The diffs of a deleted session stay, but opencode no longer reads them.
   */
  async hasSession(sessionID: string): Promise<boolean> {
    return (await this.sessionFiles(sessionID)).length > 0 || (await this.hasMessages(sessionID));
  }

  /** Every file that is the record of a session. Several project folders may hold a record of the same session. */
  async sessionFiles(sessionID: string): Promise<string[]> {
    return this.#sessionEntries(sessionID, (type) => type === "file");
  }

  /** Every file, link or folder in the place of the record of a session. */
  async sessionPlaces(sessionID: string): Promise<string[]> {
    return this.#sessionEntries(sessionID, () => true);
  }

  async #sessionEntries(sessionID: string, isWanted: (type: DirectoryEntry["type"]) => boolean): Promise<string[]> {
    const paths: string[] = [];
    for (const project of await this.projectFolders()) {
      const path = `${sessionFolder(project)}/${sessionID}.json`;
      const found = await this.files.stat(join(this.dataDir, path));
      if (found !== null && isWanted(found.type)) paths.push(path);
    }
    return paths;
  }
}

/**
 * Skips folders that this user may not open, so that the others are still checked. `repair/access.ts` reports such
 * folders. Repairs use another interface to files, and refuse to work below such folders.
 */
function passingOverClosed(files: FileSystem): FileSystem {
  const orNull = <T>(work: Promise<T>) =>
    work.catch((error: unknown) => {
      if (errnoCode(error) === "EACCES" || errnoCode(error) === "EPERM") return null;
      throw error;
    });
  return { ...files, stat: (path) => orNull(files.stat(path)), list: (path) => orNull(files.list(path)) };
}
