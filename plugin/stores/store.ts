import type { Artifact, Bundle, Evidence, FileLocator, RecordKind, RowValues } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { ProjectFacts, SessionColumns, SessionFacts, StoredDocument, StoredMessage } from "./conversation.ts";
import type { SessionOutline } from "./outline.ts";
import type { Connection, DatabaseSource } from "./sqlite/driver.ts";
import type { Schema } from "./sqlite/schema.ts";
import type { WalPosition } from "./sqlite/wal-frames.ts";
import type { Survey } from "./survey.ts";

/** What a scan reads. `list`: the records that decide whether a session list loads, for one project or for all. */
export type Scope =
  | { readonly what: "everything"; readonly share?: Share }
  | { readonly what: "list"; readonly projectID: string | null }
  /** The rows of all tables of a database that have one of these row ids. */
  | { readonly what: "rows"; readonly rowIDs: readonly string[] }
  | {
      readonly what: "session";
      readonly sessionID: string;
      /** Visits only this many of the newest messages. Only databases use this; JSON files are always visited whole. */
      readonly newestMessages?: number;
    };

/** Records that opencode loads in one request: those of a session or of a session list. */
export type LoadedScope = Scope & { readonly what: "session" | "list" };

/**
 * The part of a scan that one of several threads does. The first thread (`index` 0) also does everything that cannot be
 * divided.
 */
export interface Share {
  readonly index: number;
  readonly of: number;
}

export interface Counts {
  sessions: number;
  messages: number;
  parts: number;
  bytes: number;
}

export function noCounts(): Counts {
  return { sessions: 0, messages: 0, parts: 0, bytes: 0 };
}

export function addCounts(to: Counts, more: Readonly<Counts>): void {
  to.sessions += more.sessions;
  to.messages += more.messages;
  to.parts += more.parts;
  to.bytes += more.bytes;
}

/**
 * Called for every record that a scan reads. `text` is the text that opencode would give to its JSON parser. It is
 * `null` if the record must be checked more closely: a stray name, a BLOB, an I/O error, or a very large record. In a
 * fast scan, each byte became one character of the text (`json/scan-now.ts`). `row` holds the columns of the row that
 * are not JSON.
 */
export type Visit = (artifact: Artifact, text: string | null, row: RowValues | null) => void;

export interface ScanOptions {
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  readonly counts: Counts;
  /**
   * Whether every document of a bundle (the documents of many rows) is certainly healthy. Then no record of the bundle
   * is visited. Only a store with many rows calls this function.
   */
  readonly isHealthy?: (bundle: Bundle) => boolean;
  /** Whether a file is certainly healthy. If every file of a session is healthy, the session is not visited. */
  readonly isHealthyFile?: (artifact: Artifact, text: string | null) => boolean;
  /** The scan waits for this promise between its steps, so that it does not slow down other work. */
  readonly pause?: () => Promise<void>;
}

export interface SessionEntry {
  readonly id: string;
  readonly projectID: string | null;
}

/** One write of opencode, as opencode's own log records it. */
export interface RecordedEvent {
  readonly sequence: number;
  readonly type: string;
  /** The JSON of the event, as far as it can be read. */
  readonly text: string;
}

/** What the columns of a row say about its session and message; `null` if the row has no such column. */
export interface RecordPlace {
  readonly kind: "session" | "message" | "part";
  readonly sessionID: string | null;
  readonly messageID: string | null;
  /** `time_created` of the row, in milliseconds; `null` if it is not a number. */
  readonly createdMs: number | null;
}

/** A row that opencode's import of JSON files may have made. */
export interface ImportedRow {
  /**
   * The id that is the name of the imported file's folder. For a part, this is its message; for a message, its session;
   * for a session, its project.
   */
  readonly parentID: string;
  /** When the row was last written, in milliseconds. opencode sets this time at every write. */
  readonly writtenMs: number;
  /**
   * Whether the row still has the times that the import gave it. The import gives all its rows the same time (measured
   * on 1.2.27 and 1.14.41).
   */
  readonly isUnchanged: boolean;
}

/** The log that opencode keeps of its own writes in a database. */
export interface EventLog {
  /** The events of a session, the newest first. */
  events(sessionID: string): Iterable<RecordedEvent>;
  /** The number of a session's newest event; `null` if opencode keeps no log of the session. */
  newestEvent(sessionID: string): number | null;
  /**
   * Every session that the log mentions. Empty if the database is larger than `mostBytes`, because reading it would
   * take too long.
   */
  loggedSessions(mostBytes: number): string[];
}

/** What the columns of the rows say about which session and message a record belongs to, whatever its document says. */
export interface RecordPlaces {
  /** For a session: where its own record, its messages and their parts are now, by id. */
  ofSession(sessionID: string): ReadonlyMap<string, RecordPlace>;
  /** Where one record is now, whatever session it belongs to; `null` if the record does not exist. */
  of(artifact: Artifact): RecordPlace | null;
  /**
   * The sessions with parts whose message is missing. Only the sessions in `among` are searched, or all sessions if
   * `among` is `null`. A search of all sessions returns nothing if the database is larger than `mostBytes`.
   */
  sessionsWithLooseParts(among: readonly string[] | null, mostBytes: number): string[];
}

/** What a database shows about opencode's import of JSON files. */
export interface ImportTrace {
  /** The row that an import may have made; `null` if it does not exist, or is not a session, message or part. */
  importedRow(artifact: Artifact): ImportedRow | null;
}

/** Summarises the records of a session, so that missing values can be derived from neighbouring records. */
export interface Outlines {
  of(sessionID: string): Promise<SessionOutline>;
}

/** The ids of rows (in any table) that were written, and the position in the log up to which it was read. */
export interface ChangedRows {
  readonly position: WalPosition;
  readonly rowIDs: readonly string[];
}

/** Finds out which rows of an open database were written, without reading the other rows. */
export interface ChangedRowsReader {
  /**
   * The ids of the rows that were written after a position in the write-ahead log, and the present position. `"lost"`
   * means that any row may have been written. `isDatabaseUntouched`: certainly nothing was written to the database file
   * after that position.
   */
  changedSince(before: WalPosition | null, isDatabaseUntouched: boolean): ChangedRows | "lost";
  /** The present end of the write-ahead log; `"lost"` if it is unknown. */
  positionNow(): WalPosition | "lost";
  /** A number that changes whenever another connection writes to the database. */
  dataVersion(): number;
}

/**
 * The records that opencode's terminal UI loads when it opens a session. All functions are synchronous, because the UI
 * fetches the messages right afterwards.
 */
export interface SessionOpening {
  /** The ids of the sessions that the session started as subagents. */
  subagentSessions(sessionID: string): string[];
  /** The number and size of a session's newest messages and their parts. At most `most` records are counted. */
  sizeOf(sessionID: string, newestMessages: number, most: number): { readonly records: number; readonly bytes: number };
  /**
   * Visits all records of a scope. This JavaScript runtime turns the values into texts. Inside opencode's process,
   * these are the texts that opencode reads.
   */
  readAsHost(scope: Scope, visit: Visit): void;
}

/** Reads records synchronously, in a store that keeps each record in a file of its own. */
export interface FileRecords {
  /** Visits the records of a session in short steps. */
  inSteps(sessionID: string, visit: Visit, counts: Counts): Iterable<void>;
  /** Visits the records in the given files. */
  visitNow(files: readonly RecordFile[], visit: Visit): void;
  /** The copies of the records of these sessions that lie in the folders of sessions. */
  copiesOf(sessionIDs: ReadonlySet<string>): Promise<SessionCopy[]>;
}

/** A copy of a session's record in a file that opencode does not open as that record. */
export interface SessionCopy {
  readonly sessionID: string;
  /** Where the record of the session belongs. */
  readonly locator: FileLocator;
  readonly value: unknown;
  readonly bytes: Uint8Array;
  /** When the content of the copy was written, in milliseconds since 1970. */
  readonly writtenMs: number;
}

/** The file of one record. `path` is relative to the data directory. */
export interface RecordFile {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly path: string;
}

/** Reads sessions as a user knows them: what is known about each session, and its messages. */
export interface ConversationReader {
  /**
   * The order in which opencode shows the messages of a session. Messages in files are ordered by id, those in a
   * database by time and then id.
   */
  readonly order: "id" | "time";
  /**
   * Reads the remaining parts of a message whose own record is gone. `null` if opencode always removes parts together
   * with their message, so that none can remain.
   */
  readonly remainingParts: ((messageID: string) => Promise<readonly StoredDocument[]>) | null;
  /** What is known about each session, including sessions without a record of their own. */
  sessionFacts(): Promise<SessionFacts[]>;
  /** What is known about one session; `null` if the store has nothing of the session. Reads no other session. */
  factsOf(sessionID: string): Promise<SessionFacts | null>;
  /**
   * The messages and parts of a session exactly as they are stored, even if the session has no record. `long-in-pieces`: documents with
   * a text of megabytes are not loaded (`StoredDocument.long`), where the store can do that.
   */
  messages(sessionID: string, reading?: "whole" | "long-in-pieces"): AsyncIterable<StoredMessage>;
  /** The ids of a session's messages that have a record, readable or not. */
  messageIDs(sessionID: string): Promise<string[]>;
  /** The data of a session without its messages. */
  sessionColumns(sessionID: string): Promise<SessionColumns>;
  /** The projects that have a record, the last used one first. */
  projectFacts(): Promise<ProjectFacts[]>;
}

/**
 * Reads a store: the JSON files of a data directory, or one database. No function here changes a byte. An ability that
 * only some stores have is a property, which is `null` in the others.
 */
export interface Store {
  readonly description: StoreDescription;
  /**
   * What another thread needs to read the same state of the store. `null` if only this thread can read it, so that the
   * check cannot be divided.
   */
  readonly source: DatabaseSource | "files" | null;
  readonly conversations: ConversationReader;
  readonly eventLog: EventLog | null;
  readonly places: RecordPlaces | null;
  readonly importTrace: ImportTrace | null;
  /** `null` for JSON files: their opencode requires almost nothing of a record, so no rule needs the summary. */
  readonly outlines: Outlines | null;
  readonly changedRows: ChangedRowsReader | null;
  readonly opening: SessionOpening | null;
  readonly fileRecords: FileRecords | null;
  readonly asDatabase: DatabaseStore | null;
  /** Visits the records of a scope. When the signal is aborted, the visit returns early, without an error. */
  scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void>;
  /**
   * Visits the records that opencode is about to load, without pausing for other work. Returns `false` if `isOver`
   * ended the visit, or if these records cannot be read in this way.
   */
  scanNow(scope: LoadedScope, visit: Visit, counts: Counts, isOver: () => boolean): boolean;
  /** Reads one record again, with all facts for a diagnosis; `null` if the record is gone. */
  examine(artifact: Artifact): Promise<Evidence | null>;
  /** All sessions that have a record or messages, the most recently used first. */
  sessions(projectID: string | null): Promise<SessionEntry[]>;
  /**
   * The sessions that have messages but no record of their own. Only the sessions in `among` are searched, or all
   * sessions if `among` is `null`.
   */
  sessionsWithoutRecord(among: readonly string[] | null): Promise<string[]>;
  /** About how many records there are, found without reading them. A number that is unknown is absent. */
  expectedCounts(): Promise<Partial<Readonly<Counts>>>;
  /** Reads facts about the whole store, such as its projects and the state of its database. */
  survey(): Promise<Survey>;
  close(): void;
}

/** A store that is a database, for code that queries its tables. */
export interface DatabaseStore extends Store {
  /**
   * The same database, read by the rules of another opencode version over the same connection. Only one of the two may
   * be closed.
   */
  readAs(description: StoreDescription): DatabaseStore;
  /** Runs a query on the tables. The query must not write. */
  query<T>(ask: (connection: Connection, schema: Schema) => T): T;
}
