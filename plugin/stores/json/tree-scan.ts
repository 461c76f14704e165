import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import pLimit, { type LimitFunction } from "p-limit";
import { LARGEST_LOADED_BYTES, type RecordKind } from "../../model/artifact.ts";
import { beginsAsUtf16, fileText } from "../../records/file-text.ts";
import { addCounts, type Counts, noCounts, type ScanOptions, type Scope, type Visit } from "../store.ts";
import {
  fileArtifact,
  inPlaceOfRecords,
  isEntryName,
  isMessageRecord,
  type ListedFile,
  type ListedFolder,
  listFolder,
  messageFolder,
  partFolder,
  STORAGE,
  sessionFolder,
} from "./layout.ts";
import type { RecordTree } from "./record-tree.ts";
import { scanListInSteps, scanSessionInSteps } from "./scan-now.ts";

const SESSIONS_AT_ONCE = 8;

const NO_FOLDER: ListedFolder = { files: [], unlisted: [] };

/**
 * After this number of messages or sessions, the scan pauses, so that other work of the process can run. The scan takes
 * a few milliseconds from one pause to the next.
 */
const STEPS_AT_ONCE = 256;

/**
 * At most this many session files of a project are visited at the same time. Of the other session files, only the names
 * are kept in memory.
 */
const ENTRIES_AT_ONCE = 256;

/** Values that all steps of one scan use. */
interface Walk {
  readonly visit: Visit;
  readonly options: ScanOptions;
  readonly limit: LimitFunction;
}

/** Visits the files of opencode 1.0-1.1, several at a time. */
export class TreeScan {
  readonly #tree: RecordTree;
  readonly #isAlone: boolean;
  #sharedIDs: Promise<string[]> | null = null;

  /** `isAlone`: this process has no other work (it is not opencode), so sessions may be read synchronously. */
  constructor(tree: RecordTree, isAlone: boolean) {
    this.#tree = tree;
    this.#isAlone = isAlone;
  }

  async scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void> {
    const walk: Walk = { visit, options, limit: pLimit(options.concurrency) };
    switch (scope.what) {
      case "list":
        if (scope.projectID !== null && !isEntryName(scope.projectID)) return;
        await this.#scanLists(walk, scope.projectID);
        return;
      case "rows":
        return;
      case "session":
        if (!isEntryName(scope.sessionID)) return;
        await this.#scanSession(walk, scope.sessionID, await this.#tree.sessionPlaces(scope.sessionID));
        return;
      case "everything": {
        const { index, of } = scope.share ?? { index: 0, of: 1 };
        if (index === 0) await this.#scanListsOfAll(walk);
        // Several threads may check the sessions. The ids are listed once for all of them. A session that appears later
        // is not read, because it did not exist when the check began.
        this.#sharedIDs ??= of === 1 ? null : this.#tree.everySessionID();
        const all = await (this.#sharedIDs ?? this.#tree.everySessionID());
        const ids = of === 1 ? all : all.filter((id) => numberOf(id) % of === index);
        const sessions = pLimit(SESSIONS_AT_ONCE);
        await Promise.all(ids.map((id) => sessions(() => this.#scanSessionOfAll(walk, id))));
      }
    }
  }

  async #scanLists(walk: Walk, projectID: string | null): Promise<void> {
    if (projectID === null) {
      for (const path of await this.#tree.filesIn(`${STORAGE}/project`))
        await this.#visitFile(walk, "project", null, path);
    } else {
      await this.#visitFile(walk, "project", null, `${STORAGE}/project/${projectID}.json`);
    }
    const folders = projectID === null ? await this.#tree.projectFolders() : [projectID];
    await Promise.all(folders.map((folder) => this.#scanSessionList(walk, sessionFolder(folder))));
  }

  async #scanListsOfAll(walk: Walk): Promise<void> {
    const records = (await this.#tree.filesIn(`${STORAGE}/project`)).map((path) => basename(path, ".json"));
    for (const projectID of new Set([...records, ...(await this.#tree.projectFolders())])) {
      const steps = (visit: Visit, counts: Counts) => scanListInSteps(this.#tree.dataDir, projectID, visit, counts);
      if (!(await this.#isHealthyAtOnce(walk, steps))) await this.#scanLists(walk, projectID);
    }
  }

  async #scanSessionList(walk: Walk, folder: string): Promise<void> {
    const found = await this.#listed(folder);
    for (const name of inPlaceOfRecords(found, "ses"))
      walk.visit(fileArtifact("session", basename(name, ".json"), `${folder}/${name}`), null, null);
    const listed = found.files;
    const visit = async (file: ListedFile): Promise<void> => {
      const path = `${folder}/${file.name}`;
      if (!file.isRecord) return walk.visit(fileArtifact("stray", null, path), null, null);
      walk.options.counts.sessions += 1;
      await this.#visitFile(walk, "session", basename(path, ".json"), path);
    };
    for (let start = 0; start < listed.length; start += ENTRIES_AT_ONCE) {
      await Promise.all(listed.slice(start, start + ENTRIES_AT_ONCE).map(visit));
    }
  }

  async #scanSessionOfAll(walk: Walk, sessionID: string): Promise<void> {
    const steps = (visit: Visit, counts: Counts) => scanSessionInSteps(this.#tree.dataDir, sessionID, visit, counts);
    if (!(await this.#isHealthyAtOnce(walk, steps))) await this.#scanSession(walk, sessionID, []);
  }

  /**
   * Reads records synchronously on this thread, which is several times as fast as asynchronous reads. `false` means
   * that a record may be damaged, so all records must be read again and examined one by one.
   */
  async #isHealthyAtOnce(walk: Walk, scan: (visit: Visit, counts: Counts) => Iterable<void>): Promise<boolean> {
    const { isHealthyFile, counts, signal } = walk.options;
    if (!this.#isAlone || isHealthyFile === undefined) return false;
    await setImmediate();
    const own = noCounts();
    let isHealthy = true;
    const visit: Visit = (artifact, text) => {
      isHealthy &&= isHealthyFile(artifact, text);
    };
    let steps = 0;
    for (const _step of scan(visit, own)) {
      if (!isHealthy || signal?.aborted) return false;
      steps += 1;
      if (steps % STEPS_AT_ONCE === 0) await setImmediate();
    }
    if (isHealthy) addCounts(counts, own);
    return isHealthy;
  }

  async #scanSession(walk: Walk, sessionID: string, sessionFiles: readonly string[]): Promise<void> {
    if (walk.options.signal?.aborted) return;
    const folder = messageFolder(sessionID);
    const found = await this.#listed(folder);
    for (const name of inPlaceOfRecords(found, "msg"))
      walk.visit(fileArtifact("message", sessionID, `${folder}/${name}`), null, null);
    const own: Promise<void>[] = sessionFiles.map((path) => this.#visitFile(walk, "session", sessionID, path));
    own.push(this.#visitFile(walk, "todo", sessionID, `${STORAGE}/todo/${sessionID}.json`));
    own.push(this.#visitFile(walk, "session_diff", sessionID, `${STORAGE}/session_diff/${sessionID}.json`));
    for (const file of found.files) {
      const path = `${folder}/${file.name}`;
      if (isMessageRecord(file)) own.push(this.#scanMessage(walk, sessionID, file.id, path));
      else walk.visit(fileArtifact("stray", sessionID, path), null, null);
    }
    await Promise.all(own);
  }

  async #scanMessage(walk: Walk, sessionID: string, messageID: string, path: string): Promise<void> {
    walk.options.counts.messages += 1;
    await this.#visitFile(walk, "message", sessionID, path);
    if (walk.options.signal?.aborted) return;
    const folder = partFolder(messageID);
    const found = await walk.limit(() => this.#listed(folder));
    for (const name of inPlaceOfRecords(found, "prt"))
      walk.visit(fileArtifact("part", sessionID, `${folder}/${name}`), null, null);
    await Promise.all(
      found.files.map((file) => {
        const partPath = `${folder}/${file.name}`;
        if (!file.isRecord) return walk.visit(fileArtifact("stray", sessionID, partPath), null, null);
        walk.options.counts.parts += 1;
        return this.#visitFile(walk, "part", sessionID, partPath);
      }),
    );
  }

  async #listed(folder: string): Promise<ListedFolder> {
    return (await listFolder(this.#tree.files, this.#tree.dataDir, folder)) ?? NO_FOLDER;
  }

  async #visitFile(walk: Walk, kind: RecordKind, sessionID: string | null, path: string): Promise<void> {
    await walk.limit(async () => {
      await walk.options.pause?.();
      if (walk.options.signal?.aborted) return;
      const artifact = fileArtifact(kind, sessionID, path);
      try {
        const bytes = await this.#tree.files.read(join(this.#tree.dataDir, path), LARGEST_LOADED_BYTES);
        if (bytes === "absent") {
          if ((kind === "session" || kind === "session_diff") && (await this.#tree.isFolder(path)))
            walk.visit(artifact, null, null);
          return;
        }
        if (bytes === "too-large") return walk.visit(artifact, null, null);
        walk.options.counts.bytes += bytes.length;
        // opencode versions differ in how they read UTF-16. A file in UTF-16 is rare, so it is always checked more
        // closely.
        walk.visit(artifact, beginsAsUtf16(bytes) ? null : fileText(bytes), null);
      } catch {
        walk.visit(artifact, null, null);
      }
    });
  }
}

/**
 * A number that decides which thread of a check reads the session with this id. The number depends on the id alone,
 * because opencode may add sessions during the check.
 */
function numberOf(id: string): number {
  let number = 0;
  for (let at = 0; at < id.length; at += 1) number = (Math.imul(number, 31) + id.charCodeAt(at)) >>> 0;
  return number;
}
