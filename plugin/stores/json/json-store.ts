import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { LimitFunction } from "p-limit";
import {
  type Artifact,
  type Evidence,
  type FileLocator,
  isFileLocator,
  LARGEST_LOADED_BYTES,
  type RecordKind,
  type StrayFile,
} from "../../model/artifact.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import { errnoCode, type FileStat, type FileSystem, isDisk } from "../../platform/file-system.ts";
import { hashFile } from "../../platform/hash.ts";
import { refusalOf } from "../../platform/permissions.ts";
import { copiedRecordID } from "../../records/copied-name.ts";
import { beginsAsUtf16, fileText } from "../../records/file-text.ts";
import { JsonScanner } from "../../records/json-scanner.ts";
import {
  type ProjectFacts,
  type SessionColumns,
  type SessionFacts,
  type StoredMessage,
  unknownSession,
} from "../conversation.ts";
import type { SessionOutline } from "../outline.ts";
import {
  addCounts,
  type Counts,
  noCounts,
  type RecordedEvent,
  type RecordPlace,
  type ScanOptions,
  type Scope,
  type SessionEntry,
  type Store,
  type Visit,
} from "../store.ts";
import type { Survey, SurveyedProject } from "../survey.ts";
import { readFileColumns, readFileProjects } from "./json-columns.ts";
import { readFileFacts, readFileMessageIDs, readFileMessages } from "./json-conversation.ts";
import {
  fileArtifact,
  isEntryName,
  isMessageRecord,
  type ListedFile,
  listRecordFiles,
  messageFolder,
  partFolder,
  STORAGE,
  sessionFolder,
  strayOutcome,
  visibleEntries,
} from "./layout.ts";
import { type RecordFile, readNow, scanFilesNow, scanListInSteps, scanSessionInSteps, throughNow } from "./scan-now.ts";

/** One scan's context. */
interface Walk {
  readonly visit: Visit;
  readonly options: ScanOptions;
  readonly limit: LimitFunction;
}

/** The storage of opencode 1.0-1.1: one JSON file a record, below `storage/`. */
export class JsonStore implements Store {
  readonly description: StoreDescription;
  readonly source: "files" | null;
  readonly #files: FileSystem;
  readonly #dataDir: string;
  /** Only then files may be read at once, past the port. */
  readonly #isOnDisk: boolean;
  #sharedIDs: Promise<string[]> | null = null;
  #lastListing: { readonly state: string; readonly listing: Promise<Listing> } | null = null;

  /** `isAlone`: this process has nothing else to do, so that sessions may be read at once and on several threads. */
  constructor(files: FileSystem, description: StoreDescription, isAlone: boolean) {
    this.description = description;
    this.#isOnDisk = isDisk(files);
    this.source = isAlone && this.#isOnDisk ? "files" : null;
    this.#files = passingOverClosed(files);
    this.#dataDir = description.dataDir;
  }

  async scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void> {
    // A healthy start reads without it.
    const { default: pLimit } = await import("p-limit");
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
        await this.#scanSession(walk, scope.sessionID, await this.#sessionFiles(scope.sessionID));
        return;
      case "everything": {
        const { index, of } = scope.share ?? { index: 0, of: 1 };
        if (index === 0) await this.#scanListsOfAll(walk);
        // Listed once for all shares: what comes later was not there when the check began.
        this.#sharedIDs ??= of === 1 ? null : this.#everySessionID();
        const all = await (this.#sharedIDs ?? this.#everySessionID());
        const ids = of === 1 ? all : all.filter((id) => numberOf(id) % of === index);
        const sessions = pLimit(SESSIONS_AT_ONCE);
        await Promise.all(ids.map((id) => sessions(() => this.#scanSessionOfAll(walk, id))));
      }
    }
  }

  /** The same for a session or a project's list, without giving way to anything else; see {@link throughNow}. */
  scanNow(scope: Scope & { what: "session" | "list" }, visit: Visit, counts: Counts, isOver: () => boolean): boolean {
    if (scope.what === "session") return throughNow(this.inSteps(scope.sessionID, visit, counts), isOver);
    if (scope.projectID === null) return false;
    return throughNow(scanListInSteps(this.#dataDir, scope.projectID, visit, counts), isOver);
  }

  /** Visits a session in short steps; see {@link scanSessionInSteps}. */
  inSteps(sessionID: string, visit: Visit, counts: Counts): Iterable<void> {
    return scanSessionInSteps(this.#dataDir, sessionID, visit, counts);
  }

  /** Visits some files at once. */
  filesNow(files: readonly RecordFile[], visit: Visit): void {
    scanFilesNow(this.#dataDir, files, visit);
  }

  async examine(artifact: Artifact): Promise<Evidence | null> {
    if (!isFileLocator(artifact.locator)) return null;
    const path = join(this.#dataDir, artifact.locator.path);
    const found = await this.#files.stat(path);
    if (found === null || found.type !== "file") return null;
    const content = await this.#contentOf(artifact, path);
    // Asked afterwards: what was written while it was read is young.
    const read = content === null ? null : await this.#files.stat(path);
    if (content === null || read === null) return null;
    return {
      storage: "file",
      mtimeMs: Math.max(read.mtimeMs, read.ctimeMs),
      stray: await (artifact.kind === "stray" ? this.#strayName(artifact.locator) : this.#copyOf(artifact, read)),
      reachable: await this.#isReachable(artifact),
      sessionID: artifact.sessionID,
      row: null,
      updatedMs: read.mtimeMs,
      ...(await this.#placeInMessage(artifact, artifact.locator)),
      ...{ size: read.size, bytes: null, shape: null, sha256: null, ioError: null },
      ...content,
    };
  }

  /** What a file holds, as far as it is read; `null` where it is gone. */
  async #contentOf(artifact: Artifact, path: string): Promise<Partial<Evidence> | null> {
    try {
      if (artifact.kind === "stray") return { sha256: (await hashFile(this.#files, path)).sha256 };
      const bytes = await this.#files.read(path, LARGEST_LOADED_BYTES);
      if (bytes === "absent") return null;
      return bytes === "too-large" ? await this.#readInPieces(path) : { size: bytes.length, bytes };
    } catch (error) {
      return { ioError: errnoCode(error) ?? "UNKNOWN" };
    }
  }

  async sessions(projectID: string | null): Promise<SessionEntry[]> {
    const newest = new Map<string, { entry: SessionEntry; mtimeMs: number }>();
    for (const project of projectID === null ? await this.#projectFolders() : [projectID].filter(isEntryName)) {
      for (const path of await this.#filesIn(sessionFolder(project))) {
        const id = basename(path, ".json");
        // At once: opencode may be waiting for it, and through the thread pool it takes ten times as long.
        const absolute = join(this.#dataDir, path);
        const found = this.#isOnDisk
          ? lstatSync(absolute, { throwIfNoEntry: false })
          : await this.#files.stat(absolute);
        newest.set(id, { entry: { id, projectID: project }, mtimeMs: found?.mtimeMs ?? 0 });
      }
    }
    const known = [...newest.values()].sort((a, b) => b.mtimeMs - a.mtimeMs).map(({ entry }) => entry);
    if (projectID !== null) return known;
    const orphans = (await this.#everySessionID()).filter((id) => !newest.has(id));
    return [...known, ...orphans.map((id) => ({ id, projectID: null }))];
  }

  async sessionFacts(): Promise<SessionFacts[]> {
    const facts: SessionFacts[] = [];
    for (const { id, projectID } of await this.sessions(null)) {
      facts.push(
        projectID === null ? unknownSession(id) : await readFileFacts(this.#files, this.#dataDir, id, projectID),
      );
    }
    return facts;
  }

  async *messages(sessionID: string): AsyncIterable<StoredMessage> {
    if (isEntryName(sessionID)) yield* readFileMessages(this.#files, this.#dataDir, sessionID);
  }

  async messageIDs(sessionID: string): Promise<string[]> {
    return isEntryName(sessionID) ? readFileMessageIDs(this.#files, this.#dataDir, sessionID) : [];
  }

  async sessionColumns(sessionID: string): Promise<SessionColumns> {
    if (!isEntryName(sessionID)) return { session: null, project: null, todos: [], share: null };
    const [path] = await this.#sessionFiles(sessionID);
    return readFileColumns(this.#files, this.#dataDir, sessionID, path?.split("/")[2] ?? null);
  }

  async projectFacts(): Promise<ProjectFacts[]> {
    return readFileProjects(this.#files, this.#dataDir, await this.#filesIn(`${STORAGE}/project`));
  }

  /** Hosts of the JSON generation demand next to nothing of a record: nothing has to follow from another. */
  outline(): SessionOutline {
    return { messages: [], messageOf: () => null, partsOf: () => [] };
  }

  /** opencode 1.0-1.1 keeps no log of its writes. */
  events(): Iterable<RecordedEvent> {
    return [];
  }

  newestEvent(): null {
    return null;
  }

  loggedSessions(): string[] {
    return [];
  }

  recordPlaces(): ReadonlyMap<string, RecordPlace> {
    return new Map();
  }

  recordPlace(): null {
    return null;
  }

  importedRow(): null {
    return null;
  }

  async sessionsWithoutRecord(): Promise<string[]> {
    // A record may stand where this user may not look.
    if (await this.#isClosed(`${STORAGE}/session`)) return [];
    for (const project of await this.#projectFolders()) if (await this.#isClosed(sessionFolder(project))) return [];
    const bare = (await this.sessions(null)).filter(({ projectID }) => projectID === null).map(({ id }) => id);
    const listed = await Promise.all(
      bare.map(async (id) => (await listRecordFiles(this.#files, this.#dataDir, messageFolder(id))) ?? []),
    );
    return bare.filter((_, index) => listed[index]?.some(isMessageRecord));
  }

  /** opencode 1.0-1.1 leaves the parts of a message that it removes. */
  sessionsWithLooseParts(): string[] {
    return [];
  }

  async survey(): Promise<Survey> {
    const projects = await Promise.all((await this.#projectFolders()).map((id) => this.#surveyProject(id)));
    return { projects, orphans: { messages: 0, parts: 0 }, wrappedSessions: [], database: null };
  }

  close(): void {}

  async #readInPieces(path: string): Promise<Pick<Evidence, "shape" | "sha256" | "size">> {
    const scanner = new JsonScanner();
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of this.#files.readChunks(path)) {
      scanner.push(chunk);
      hash.update(chunk);
      size += chunk.length;
    }
    return { shape: scanner.end(), sha256: hash.digest("hex"), size };
  }

  async #scanLists(walk: Walk, projectID: string | null): Promise<void> {
    if (projectID === null) {
      for (const path of await this.#filesIn(`${STORAGE}/project`)) await this.#visitFile(walk, "project", null, path);
    } else {
      await this.#visitFile(walk, "project", null, `${STORAGE}/project/${projectID}.json`);
    }
    const folders = projectID === null ? await this.#projectFolders() : [projectID];
    await Promise.all(folders.map((folder) => this.#scanSessionList(walk, sessionFolder(folder))));
  }

  async #scanListsOfAll(walk: Walk): Promise<void> {
    const records = (await this.#filesIn(`${STORAGE}/project`)).map((path) => basename(path, ".json"));
    for (const projectID of new Set([...records, ...(await this.#projectFolders())])) {
      const steps = (visit: Visit, counts: Counts) => scanListInSteps(this.#dataDir, projectID, visit, counts);
      if (!(await this.#isHealthyAtOnce(walk, steps))) await this.#scanLists(walk, projectID);
    }
  }

  async #scanSessionList(walk: Walk, folder: string): Promise<void> {
    const listed = (await listRecordFiles(this.#files, this.#dataDir, folder)) ?? [];
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
    const steps = (visit: Visit, counts: Counts) => this.inSteps(sessionID, visit, counts);
    if (!(await this.#isHealthyAtOnce(walk, steps))) await this.#scanSession(walk, sessionID, []);
  }

  /**
   * Reading at once and on this thread takes a fraction of the time. `false`: not everything is surely healthy, and all of
   * it is to be read again.
   */
  async #isHealthyAtOnce(walk: Walk, scan: (visit: Visit, counts: Counts) => Iterable<void>): Promise<boolean> {
    const { isHealthyFile, counts, signal } = walk.options;
    if (this.source === null || isHealthyFile === undefined) return false;
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
    const listed = (await listRecordFiles(this.#files, this.#dataDir, folder)) ?? [];
    const own: Promise<void>[] = sessionFiles.map((path) => this.#visitFile(walk, "session", sessionID, path));
    own.push(this.#visitFile(walk, "todo", sessionID, `${STORAGE}/todo/${sessionID}.json`));
    own.push(this.#visitFile(walk, "session_diff", sessionID, `${STORAGE}/session_diff/${sessionID}.json`));
    for (const file of listed) {
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
    const listed =
      (await walk.limit(() => listRecordFiles(this.#files, this.#dataDir, folder))) ?? ([] as ListedFile[]);
    await Promise.all(
      listed.map((file) => {
        const partPath = `${folder}/${file.name}`;
        if (!file.isRecord) return walk.visit(fileArtifact("stray", sessionID, partPath), null, null);
        walk.options.counts.parts += 1;
        return this.#visitFile(walk, "part", sessionID, partPath);
      }),
    );
  }

  async #visitFile(walk: Walk, kind: RecordKind, sessionID: string | null, path: string): Promise<void> {
    await walk.limit(async () => {
      await walk.options.pause?.();
      if (walk.options.signal?.aborted) return;
      const artifact = fileArtifact(kind, sessionID, path);
      try {
        const bytes = await this.#files.read(join(this.#dataDir, path), LARGEST_LOADED_BYTES);
        if (bytes === "absent") return;
        if (bytes === "too-large") return walk.visit(artifact, null, null);
        walk.options.counts.bytes += bytes.length;
        // Hosts differ in what they make of UTF-16: rare enough for a closer look.
        walk.visit(artifact, beginsAsUtf16(bytes) ? null : fileText(bytes), null);
      } catch {
        walk.visit(artifact, null, null);
      }
    });
  }

  async #surveyProject(id: string): Promise<SurveyedProject> {
    const folders = new Map<string, number>();
    let records = 0;
    for (const path of await this.#filesIn(sessionFolder(id))) {
      records += 1;
      if (records % STEPS_AT_ONCE === 0) await setImmediate();
      const directory = await this.#textOf(path, "directory");
      if (directory !== null) folders.set(directory, (folders.get(directory) ?? 0) + 1);
    }
    const record = `${STORAGE}/project/${id}.json`;
    // Where this user may not look, nothing is missing.
    const isClosed = await this.#isClosed(`${STORAGE}/project`);
    const hasRecord = isClosed || (await this.#files.stat(join(this.#dataDir, record))) !== null;
    return {
      id,
      worktree: hasRecord ? ((await this.#textOf(record, "worktree")) ?? "") : null,
      folders: [...folders].map(([directory, sessions]) => ({ directory, sessions })),
    };
  }

  /** A field of a small record, where that can be read and is a text. */
  async #textOf(path: string, field: string): Promise<string | null> {
    try {
      const absolute = join(this.#dataDir, path);
      const bytes = this.source === null ? await this.#files.read(absolute, LARGEST_SURVEYED_BYTES) : readNow(absolute);
      const value: unknown = bytes === null || typeof bytes === "string" ? null : JSON.parse(fileText(bytes));
      const text = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[field] : null;
      return typeof text === "string" ? text : null;
    } catch {
      return null;
    }
  }

  async #isClosed(folder: string): Promise<boolean> {
    return refusalOf(join(this.#dataDir, folder), "read") !== null;
  }

  async #projectFolders(): Promise<string[]> {
    const entries = (await this.#files.list(join(this.#dataDir, STORAGE, "session"))) ?? [];
    return visibleEntries(entries)
      .filter((entry) => entry.type === "directory")
      .map((entry) => entry.name);
  }

  /** Ids of all sessions that have messages, a todo list or a diff. */
  async #everySessionID(): Promise<string[]> {
    const ids = new Set<string>();
    const folders = (await this.#files.list(join(this.#dataDir, STORAGE, "message"))) ?? [];
    // The hosts follow a link that leads to a folder.
    for (const { name, type } of visibleEntries(folders)) if (type === "directory" || type === "symlink") ids.add(name);
    for (const kind of ["todo", "session_diff"]) {
      for (const path of await this.#filesIn(`${STORAGE}/${kind}`)) ids.add(basename(path, ".json"));
    }
    return [...ids];
  }

  async #filesIn(folder: string): Promise<string[]> {
    const entries = (await this.#files.list(join(this.#dataDir, folder))) ?? [];
    return visibleEntries(entries)
      .filter((entry) => entry.type === "file" && entry.name.endsWith(".json"))
      .map((entry) => `${folder}/${entry.name}`);
  }

  async #sessionFiles(sessionID: string): Promise<string[]> {
    const paths: string[] = [];
    for (const project of await this.#projectFolders()) {
      const path = `${sessionFolder(project)}/${sessionID}.json`;
      if ((await this.#files.stat(join(this.#dataDir, path)))?.type === "file") paths.push(path);
    }
    return paths;
  }

  /** The record that a file is a copy of, by its name. */
  async #copyOf({ kind, recordID, locator }: Artifact, own: FileStat): Promise<StrayFile | null> {
    const isRecord = kind === "session" || kind === "message" || kind === "part";
    const original = recordID === null || !isRecord ? null : copiedRecordID(recordID);
    if (original === null || !isFileLocator(locator)) return null;
    const path = join(this.#dataDir, locator.path);
    const beside = join(dirname(path), `${original}.json`);
    const found = await this.#files.stat(beside);
    if (found?.type !== "file")
      return { outcome: "copy", original: { recordID: original, laterMs: null, isSame: false } };
    const hashes = found.size === own.size ? [await this.#hashOf(path), await this.#hashOf(beside)] : [null, null];
    const isSame = hashes[0] !== null && hashes[0] === hashes[1];
    return { outcome: "copy", original: { recordID: original, laterMs: own.mtimeMs - found.mtimeMs, isSame } };
  }

  async #hashOf(path: string): Promise<string | null> {
    return hashFile(this.#files, path).then(
      ({ sha256 }) => sha256,
      () => null,
    );
  }

  async #strayName(locator: FileLocator): Promise<StrayFile | null> {
    const [, folder, owner] = locator.path.split("/");
    if (owner === undefined || (folder !== "message" && folder !== "part" && folder !== "session")) return null;
    const root = `${STORAGE}/${folder}/${owner}`;
    const { byPath, names } = await this.#listing(root);
    const file = byPath.get(locator.path);
    return file === undefined ? null : { folder, outcome: strayOutcome(folder, file, names) };
  }

  /** What a folder holds. It is listed once while it stays the same: there may be a hundred thousand strays in it. */
  async #listing(root: string): Promise<Listing> {
    const found = await this.#files.stat(join(this.#dataDir, root));
    const state = `${root} ${found?.inode} ${found?.mtimeMs} ${found?.ctimeMs}`;
    if (this.#lastListing?.state === state) return this.#lastListing.listing;
    const listing = listRecordFiles(this.#files, this.#dataDir, root).then((files) => {
      const listed = files ?? [];
      return {
        byPath: new Map(listed.map((file) => [`${root}/${file.name}`, file])),
        names: new Set(listed.map((file) => file.name)),
      };
    });
    // Two changes within one tick of a clock have the same time.
    const isSettled = found !== null && Date.now() - found.mtimeMs > LISTING_SETTLE_MS;
    this.#lastListing = isSettled ? { state, listing } : null;
    return listing;
  }

  async #placeInMessage(artifact: Artifact, { path }: FileLocator): Promise<Pick<Evidence, "position" | "siblings">> {
    if (artifact.kind !== "part") return { position: null, siblings: null };
    const folder = path.slice(0, path.lastIndexOf("/"));
    const names = ((await listRecordFiles(this.#files, this.#dataDir, folder)) ?? []).map((file) => file.name).sort();
    return { position: names.indexOf(basename(path)), siblings: names.length };
  }

  async #isReachable(artifact: Artifact): Promise<boolean> {
    if (artifact.kind !== "part" || artifact.sessionID === null || !isFileLocator(artifact.locator)) return true;
    const messageID = artifact.locator.path.split("/")[2] ?? "";
    const message = join(this.#dataDir, messageFolder(artifact.sessionID), `${messageID}.json`);
    return (await this.#files.stat(message))?.type === "file";
  }
}

/**
 * A folder that this user may not open is passed over, so that all others are looked at: it is told with what may not be
 * used (`repair/access.ts`). The file system of a writer refuses it.
 */
function passingOverClosed(files: FileSystem): FileSystem {
  const orNull = <T>(work: Promise<T>) =>
    work.catch((error: unknown) => {
      if (errnoCode(error) === "EACCES" || errnoCode(error) === "EPERM") return null;
      throw error;
    });
  return { ...files, stat: (path) => orNull(files.stat(path)), list: (path) => orNull(files.list(path)) };
}

const SESSIONS_AT_ONCE = 8;

/** So many messages or sessions are read before anything else may have its turn: a few milliseconds. */
const STEPS_AT_ONCE = 256;

/** Of a long session list so many files are visited at the same time; the others wait as names only. */
const ENTRIES_AT_ONCE = 256;

/** A folder that changed less than so many milliseconds ago is listed each time. */
const LISTING_SETTLE_MS = 1000;

/** What a folder of records holds: its files by their path below the data directory, and all their names. */
interface Listing {
  readonly byPath: ReadonlyMap<string, ListedFile>;
  readonly names: ReadonlySet<string>;
}

/** Session and project files are small, unless something is wrong with them. */
const LARGEST_SURVEYED_BYTES = 4 * 1024 * 1024;

/** Which share an id belongs to must not depend on what else is there: opencode may be writing. */
function numberOf(id: string): number {
  let number = 0;
  for (let at = 0; at < id.length; at += 1) number = (Math.imul(number, 31) + id.charCodeAt(at)) >>> 0;
  return number;
}
