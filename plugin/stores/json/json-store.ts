import { basename, join } from "node:path";
import type { Artifact, Evidence } from "../../model/artifact.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import { type FileSystem, isDisk } from "../../platform/file-system.ts";
import { statNow } from "../../platform/read-now.ts";
import {
  type ProjectFacts,
  type SessionColumns,
  type SessionFacts,
  type StoredDocument,
  type StoredMessage,
  unknownSession,
} from "../conversation.ts";
import type {
  ConversationReader,
  Counts,
  FileRecords,
  LoadedScope,
  ScanOptions,
  Scope,
  SessionEntry,
  Store,
  Visit,
} from "../store.ts";
import type { Survey } from "../survey.ts";
import type { FileEvidence } from "./file-evidence.ts";
import { isEntryName, STORAGE, sessionFolder } from "./layout.ts";
import { RecordTree } from "./record-tree.ts";
import { scanFilesNow, scanListInSteps, scanSessionInSteps, throughNow } from "./scan-now.ts";
import type { TreeScan } from "./tree-scan.ts";

/**
 * The storage of opencode 1.0-1.1: one JSON file for each record, below `storage/`. These versions keep no log of their
 * writes. When they remove a message, they leave its parts.
 */
export class JsonStore implements Store {
  readonly asDatabase = null;
  readonly description: StoreDescription;
  readonly source: "files" | null;
  readonly conversations: ConversationReader;
  readonly eventLog = null;
  readonly places = null;
  readonly importTrace = null;
  readonly outlines = null;
  readonly changedRows = null;
  readonly opening = null;
  readonly fileRecords: FileRecords;
  readonly #tree: RecordTree;
  /**
   * Whether the files are on a real disk, and not in the replacement that a test uses. Files on a real disk may be read
   * synchronously, without the interface for files.
   */
  readonly #isOnDisk: boolean;
  readonly #isBesideDatabase: boolean;
  #scan: Promise<TreeScan> | null = null;
  #evidence: Promise<FileEvidence> | null = null;

  /**
   * `isAlone`: this process has no other work (it is not opencode), so sessions may be read synchronously and on
   * several threads. `isBesideDatabase`: opencode may read its sessions from a database instead.
   */
  constructor(files: FileSystem, description: StoreDescription, isAlone: boolean, isBesideDatabase = false) {
    const { dataDir } = description;
    this.description = description;
    this.#isOnDisk = isDisk(files);
    this.source = isAlone && this.#isOnDisk ? "files" : null;
    this.#isBesideDatabase = isBesideDatabase;
    this.#tree = new RecordTree(files, dataDir);
    this.conversations = new FileConversations(this.#tree, () => this.sessions(null));
    this.fileRecords = {
      inSteps: (sessionID, visit, counts) => scanSessionInSteps(dataDir, sessionID, visit, counts),
      visitNow: (records, visit) => scanFilesNow(dataDir, records, visit),
      copiesOf: async (ids) => (await import("./session-copies.ts")).sessionCopies(this.#tree, ids),
    };
  }

  async scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void> {
    // A start of opencode that finds no problem does not need this code, so the module is loaded on demand.
    this.#scan ??= import("./tree-scan.ts").then(({ TreeScan }) => new TreeScan(this.#tree, this.source !== null));
    return (await this.#scan).scan(scope, visit, options);
  }

  scanNow(scope: LoadedScope, visit: Visit, counts: Counts, isOver: () => boolean): boolean {
    const { dataDir } = this.#tree;
    if (scope.what === "session")
      return throughNow(scanSessionInSteps(dataDir, scope.sessionID, visit, counts), isOver);
    if (scope.projectID === null) return false;
    return throughNow(scanListInSteps(dataDir, scope.projectID, visit, counts), isOver);
  }

  async examine(artifact: Artifact): Promise<Evidence | null> {
    // The module is loaded only if there may be a problem, so a start of opencode without problems does not load it.
    this.#evidence ??= import("./file-evidence.ts").then(
      ({ FileEvidence }) => new FileEvidence(this.#tree, !this.#isBesideDatabase),
    );
    return (await this.#evidence).examine(artifact);
  }

  async sessions(projectID: string | null): Promise<SessionEntry[]> {
    const newest = new Map<string, { entry: SessionEntry; mtimeMs: number }>();
    for (const project of projectID === null ? await this.#tree.projectFolders() : [projectID].filter(isEntryName)) {
      for (const path of await this.#tree.filesIn(sessionFolder(project))) {
        const id = basename(path, ".json");
        // The file's time is read synchronously, because opencode may wait for it and an asynchronous call would take
        // ten times as long.
        const absolute = join(this.#tree.dataDir, path);
        const found = this.#isOnDisk ? statNow(absolute) : await this.#tree.files.stat(absolute);
        newest.set(id, { entry: { id, projectID: project }, mtimeMs: found?.mtimeMs ?? 0 });
      }
    }
    const known = [...newest.values()].sort((a, b) => b.mtimeMs - a.mtimeMs).map(({ entry }) => entry);
    if (projectID !== null) return known;
    // Beside a database, a link in the place of a record is no session, because opencode does not read these files.
    const unlisted = this.#isBesideDatabase ? [] : await this.#tree.unlistedSessions();
    const others = new Set([...unlisted, ...(await this.#tree.everySessionID())]);
    return [...known, ...[...others].filter((id) => !newest.has(id)).map((id) => ({ id, projectID: null }))];
  }

  async expectedCounts(): Promise<Partial<Readonly<Counts>>> {
    return { sessions: (await this.sessions(null)).length };
  }

  async sessionsWithoutRecord(among: readonly string[] | null): Promise<string[]> {
    const { sessionsWithoutRecord } = await import("./tree-survey.ts");
    const all = await this.sessions(null);
    return sessionsWithoutRecord(this.#tree, among === null ? all : all.filter(({ id }) => among.includes(id)));
  }

  async survey(): Promise<Survey> {
    const { surveyTree } = await import("./tree-survey.ts");
    return surveyTree(this.#tree, this.source !== null);
  }

  close(): void {}
}

/**
 * Reads the sessions of JSON files. The code for that is loaded on first use, so that a start of opencode does not load
 * it.
 */
class FileConversations implements ConversationReader {
  readonly order = "id";
  readonly #tree: RecordTree;
  readonly #sessions: () => Promise<SessionEntry[]>;

  constructor(tree: RecordTree, sessions: () => Promise<SessionEntry[]>) {
    this.#tree = tree;
    this.#sessions = sessions;
  }

  async sessionFacts(): Promise<SessionFacts[]> {
    const facts: SessionFacts[] = [];
    for (const entry of await this.#sessions()) facts.push(await this.#factsIn(entry));
    return facts;
  }

  async factsOf(sessionID: string): Promise<SessionFacts | null> {
    const entry = (await this.#sessions()).find(({ id }) => id === sessionID);
    return entry === undefined ? null : this.#factsIn(entry);
  }

  async #factsIn({ id, projectID }: SessionEntry): Promise<SessionFacts> {
    if (projectID === null) return unknownSession(id);
    const { readFileFacts } = await import("./json-conversation.ts");
    return readFileFacts(this.#tree.files, this.#tree.dataDir, id, projectID);
  }

  async *messages(sessionID: string): AsyncIterable<StoredMessage> {
    if (!isEntryName(sessionID)) return;
    const { readFileMessages } = await import("./json-conversation.ts");
    yield* readFileMessages(this.#tree.files, this.#tree.dataDir, sessionID);
  }

  async remainingParts(messageID: string): Promise<readonly StoredDocument[]> {
    const { readFileParts } = await import("./json-conversation.ts");
    return readFileParts(this.#tree.files, this.#tree.dataDir, messageID);
  }

  async messageIDs(sessionID: string): Promise<string[]> {
    if (!isEntryName(sessionID)) return [];
    const { readFileMessageIDs } = await import("./json-conversation.ts");
    return readFileMessageIDs(this.#tree.files, this.#tree.dataDir, sessionID);
  }

  async sessionColumns(sessionID: string): Promise<SessionColumns> {
    if (!isEntryName(sessionID)) return { session: null, project: null, todos: [], share: null };
    const [path] = await this.#tree.sessionFiles(sessionID);
    const { readFileColumns } = await import("./json-columns.ts");
    return readFileColumns(this.#tree.files, this.#tree.dataDir, sessionID, path?.split("/")[2] ?? null);
  }

  async projectFacts(): Promise<ProjectFacts[]> {
    const { readFileProjects } = await import("./json-columns.ts");
    return readFileProjects(this.#tree.files, this.#tree.dataDir, await this.#tree.filesIn(`${STORAGE}/project`));
  }
}
