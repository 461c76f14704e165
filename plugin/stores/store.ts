import type { Artifact, Bundle, Evidence, RecordKind, RowValues } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { ProjectFacts, SessionColumns, SessionFacts, StoredDocument, StoredMessage } from "./conversation.ts";
import type { SessionOutline } from "./outline.ts";
import type { Connection, DatabaseSource } from "./sqlite/driver.ts";
import type { Schema } from "./sqlite/schema.ts";
import type { WalPosition } from "./sqlite/wal-frames.ts";
import type { Survey } from "./survey.ts";

/** What a scan visits. `list`: the records that decide whether a session list loads, for one project or all. */
export type Scope =
  | { readonly what: "everything"; readonly share?: Share }
  | { readonly what: "list"; readonly projectID: string | null }
  /** Rows of any table of a database that have one of these ids. */
  | { readonly what: "rows"; readonly rowIDs: readonly string[] }
  | {
      readonly what: "session";
      readonly sessionID: string;
      /** Visits only this many of the newest messages. Only the SQLite store uses this. */
      readonly newestMessages?: number;
    };

/** The records that opencode loads in one request. */
export type LoadedScope = Scope & { readonly what: "session" | "list" };

/**
 * One of several shares of a scan, each for its own thread. The first share includes everything that cannot be divided.
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
 * Called for every record that is read. `text` is the text that a host would pass to its JSON parser. The text is
 * `null` if the store already knows that a closer check is needed (a stray name, a BLOB, an I/O error, a very large
 * record). In a fast scan, each letter of the text is one byte (`json/scan-now.ts`). `row`: the columns that are not
 * JSON, if a row has any.
 */
export type Visit = (artifact: Artifact, text: string | null, row: RowValues | null) => void;

export interface ScanOptions {
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  readonly counts: Counts;
  /**
   * Whether every document of a bundle is certainly healthy. If so, no record of the bundle is visited. A store with
   * many rows to read asks this question first.
   */
  readonly isHealthy?: (bundle: Bundle) => boolean;
  /** Whether a file is certainly healthy. A session in which every file is healthy is not visited. */
  readonly isHealthyFile?: (artifact: Artifact, text: string | null) => boolean;
  /** The scan awaits this between steps, so that it does not slow other work down. */
  readonly pause?: () => Promise<void>;
}

export interface SessionEntry {
  readonly id: string;
  readonly projectID: string | null;
}

/** One write of a host, as its log records it. */
export interface RecordedEvent {
  readonly sequence: number;
  readonly type: string;
  /** The JSON of the event, as far as it is undamaged. */
  readonly text: string;
}

/** The columns that name the place of a row; `null` if the row has no such column. */
export interface RecordPlace {
  readonly kind: "session" | "message" | "part";
  readonly sessionID: string | null;
  readonly messageID: string | null;
  /** `time_created`, in milliseconds; `null` if it is not a number. */
  readonly createdMs: number | null;
}

/** A row that an import of JSON storage may have made. */
export interface ImportedRow {
  /**
   * The id after which the file's folder is named: the message of a part, the session of a message, the project of a
   * session.
   */
  readonly parentID: string;
  /** When the row was last written, in milliseconds. Hosts set this time at every write. */
  readonly writtenMs: number;
  /**
   * Whether the times are still those of the import (measured 1.2.27, 1.14.41: the same moment for all rows that it
   * wrote).
   */
  readonly isUnchanged: boolean;
}

/** The log that hosts of a database keep of their own writes. */
export interface EventLog {
  /** The events of a session, newest first. */
  events(sessionID: string): Iterable<RecordedEvent>;
  /** The number of a session's newest event; `null` if the host keeps no log of the session. */
  newestEvent(sessionID: string): number | null;
  /** Every session that the log mentions; empty if the store is larger than this many bytes. */
  loggedSessions(mostBytes: number): string[];
}

/** The places of records according to their columns, without regard to their documents. */
export interface RecordPlaces {
  /** The existing places of a session's own record, its messages and their parts, by id. */
  ofSession(sessionID: string): ReadonlyMap<string, RecordPlace>;
  /** The place of one record, whichever session has it now; `null` if the record does not exist. */
  of(artifact: Artifact): RecordPlace | null;
  /**
   * Sessions with parts whose message is missing. `null`: of the whole store; empty if the store is larger than
   * `mostBytes`.
   */
  sessionsWithLooseParts(among: readonly string[] | null, mostBytes: number): string[];
}

/** The facts that a store keeps about an import of JSON storage. */
export interface ImportTrace {
  /** `null` if the row does not exist, or is no session, message or part. */
  importedRow(artifact: Artifact): ImportedRow | null;
}

/** Summarises a session's records, so that missing values can be derived from neighbouring records. */
export interface Outlines {
  of(sessionID: string): Promise<SessionOutline>;
}

/** Rows that were written, by their ids in any table, and the position up to which the log was read. */
export interface ChangedRows {
  readonly position: WalPosition;
  readonly rowIDs: readonly string[];
}

/** Tells which rows of an open database were written, without reading the others. */
export interface ChangedRowsReader {
  /**
   * The row ids that were written after a position in the write-ahead log, and the present position. `"lost"`: any row
   * may have been written. `isDatabaseUntouched`: nothing was written to the database file after that position, for
   * certain.
   */
  changedSince(before: WalPosition | null, isDatabaseUntouched: boolean): ChangedRows | "lost";
  /** The end of the log, or `"lost"` if it is unknown. */
  positionNow(): WalPosition | "lost";
  /** A number that changes whenever another connection has written to the database. */
  dataVersion(): number;
}

/**
 * The records that opencode's terminal UI loads when it opens a session. The functions are synchronous, because the UI
 * fetches the messages right afterwards.
 */
export interface SessionOpening {
  /** The sessions of a session's subagents. */
  subagentSessions(sessionID: string): string[];
  /** The size of a session's newest messages and their parts. The function counts at most `most` records. */
  sizeOf(sessionID: string, newestMessages: number, most: number): { readonly records: number; readonly bytes: number };
  /**
   * Visits all records of a scope. The text that this runtime makes of a value is also the text that the host reads.
   */
  readAsHost(scope: Scope, visit: Visit): void;
}

/** Records in files of their own, each of which is read synchronously. */
export interface FileRecords {
  /** Visits a session in short steps. */
  inSteps(sessionID: string, visit: Visit, counts: Counts): Iterable<void>;
  /** Visits some files. */
  visitNow(files: readonly RecordFile[], visit: Visit): void;
}

/** The file of a record, by its path below the data directory, and its session. */
export interface RecordFile {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly path: string;
}

/** Sessions as a user knows them: the facts about each session, and its messages. */
export interface ConversationReader {
  /** The order in which hosts sort the messages of a session. Files are ordered by id, rows by time and then id. */
  readonly order: "id" | "time";
  /**
   * Reads the remaining parts of a message whose own record is gone; `null` if the host removes parts together with the
   * message.
   */
  readonly remainingParts: ((messageID: string) => Promise<readonly StoredDocument[]>) | null;
  /** The facts about each session, including sessions without a record of their own. */
  sessionFacts(): Promise<SessionFacts[]>;
  /** The facts about one session; `null` if the store has nothing of it. Reads no other session. */
  factsOf(sessionID: string): Promise<SessionFacts | null>;
  /**
   * A session's messages and parts exactly as stored, even if there is no session record. `long-in-pieces`: documents with
   * a text of megabytes are not loaded (`StoredDocument.long`), where the store can do that.
   */
  messages(sessionID: string, reading?: "whole" | "long-in-pieces"): AsyncIterable<StoredMessage>;
  /** The ids of a session's messages that have a record, readable or not. */
  messageIDs(sessionID: string): Promise<string[]>;
  /** The data of a session besides its messages. */
  sessionColumns(sessionID: string): Promise<SessionColumns>;
  /** The projects that have a record, the last used first. */
  projectFacts(): Promise<ProjectFacts[]>;
}

/**
 * The functions of a store that read. Nothing here changes a byte. An ability that only some stores have is a property,
 * which is `null` in the others.
 */
export interface Store {
  readonly description: StoreDescription;
  /** The data that another thread needs to read the same state and to scan a share of it; `null` if it cannot. */
  readonly source: DatabaseSource | "files" | null;
  readonly conversations: ConversationReader;
  readonly eventLog: EventLog | null;
  readonly places: RecordPlaces | null;
  readonly importTrace: ImportTrace | null;
  /** `null` if no rule needs it, because the hosts of that store require almost nothing of a record. */
  readonly outlines: Outlines | null;
  readonly changedRows: ChangedRowsReader | null;
  readonly opening: SessionOpening | null;
  readonly fileRecords: FileRecords | null;
  readonly asDatabase: DatabaseStore | null;
  /** Visits the records of a scope. The visit returns early, without an error, when the signal is aborted. */
  scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void>;
  /**
   * Visits the records that opencode is about to load, without a pause for other work. `false` if `isOver` ended the
   * visit first, or if the scope cannot be read this way.
   */
  scanNow(scope: LoadedScope, visit: Visit, counts: Counts, isOver: () => boolean): boolean;
  /** Reads one record again; `null` if it is gone. */
  examine(artifact: Artifact): Promise<Evidence | null>;
  /** All sessions that have a record or messages, the most recently used first. */
  sessions(projectID: string | null): Promise<SessionEntry[]>;
  /** Sessions that have messages but no record of their own. `null`: of the whole store. */
  sessionsWithoutRecord(among: readonly string[] | null): Promise<string[]>;
  /** The approximate amount to read, without reading it. Unknown numbers are absent. */
  expectedCounts(): Promise<Partial<Readonly<Counts>>>;
  /** Facts about the store as a whole. */
  survey(): Promise<Survey>;
  close(): void;
}

/** A store whose records are rows, for code that queries its tables. */
export interface DatabaseStore extends Store {
  /**
   * The same database as a host with other rules reads it, over the same connection. Only one of the two may be closed.
   */
  readAs(description: StoreDescription): DatabaseStore;
  /** Queries the tables. Nothing may be written there. */
  query<T>(ask: (connection: Connection, schema: Schema) => T): T;
}
