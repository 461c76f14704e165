import type { Artifact, Bundle, Evidence, RecordKind, RowValues } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { ProjectFacts, SessionColumns, SessionFacts, StoredDocument, StoredMessage } from "./conversation.ts";
import type { SessionOutline } from "./outline.ts";
import type { Connection, DatabaseSource } from "./sqlite/driver.ts";
import type { Schema } from "./sqlite/schema.ts";
import type { WalPosition } from "./sqlite/wal-frames.ts";
import type { Survey } from "./survey.ts";

/** What a scan visits. `list`: the records that decide whether a session list loads, of one project or of all. */
export type Scope =
  | { readonly what: "everything"; readonly share?: Share }
  | { readonly what: "list"; readonly projectID: string | null }
  /** Rows of any table of a database that have one of these ids. */
  | { readonly what: "rows"; readonly rowIDs: readonly string[] }
  | {
      readonly what: "session";
      readonly sessionID: string;
      /** Only this many messages, the newest; only the SQLite store looks at it. */
      readonly newestMessages?: number;
    };

/** What opencode loads in one request. */
export type LoadedScope = Scope & { readonly what: "session" | "list" };

/** One of several shares of a scan, each for a thread of its own. The first includes whatever cannot be divided. */
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
 * Told of every artifact as it is read. `text` is what a host would hand to its JSON parser, or `null` where the store
 * already knows that a closer look is due (a stray name, a BLOB, an I/O error, a very large record); where a store reads in
 * haste each of its letters is a byte (`json/scan-now.ts`). `row`: the columns that are not JSON, where a row has such.
 */
export type Visit = (artifact: Artifact, text: string | null, row: RowValues | null) => void;

export interface ScanOptions {
  readonly concurrency: number;
  readonly signal?: AbortSignal;
  readonly counts: Counts;
  /**
   * Whether every document of a bundle is surely healthy; if so, none of them is visited. A store that has many rows to
   * read asks this first.
   */
  readonly isHealthy?: (bundle: Bundle) => boolean;
  /** The same for files, one at a time: a session all of whose files are surely healthy is not visited. */
  readonly isHealthyFile?: (artifact: Artifact, text: string | null) => boolean;
  /** Awaited between steps, for work that must not be felt. */
  readonly pause?: () => Promise<void>;
}

export interface SessionEntry {
  readonly id: string;
  readonly projectID: string | null;
}

/** One write of a host, as it recorded it for itself. */
export interface RecordedEvent {
  readonly sequence: number;
  readonly type: string;
  /** JSON, as far as it is undamaged. */
  readonly text: string;
}

/** The columns that say where a row belongs; `null` where it has no such column. */
export interface RecordPlace {
  readonly kind: "session" | "message" | "part";
  readonly sessionID: string | null;
  readonly messageID: string | null;
  /** `time_created`, in milliseconds; `null` where it is no number. */
  readonly createdMs: number | null;
}

/** A row that an import of JSON storage may have made. */
export interface ImportedRow {
  /** What its file's folder is named after: of a part its message, of a message its session, of a session its project. */
  readonly parentID: string;
  /** When the row was last written, in milliseconds; hosts set it at every write. */
  readonly writtenMs: number;
  /** Whether its times are those that the import gave it (measured 1.2.27, 1.14.41: one moment for all that it wrote). */
  readonly isUnchanged: boolean;
}

/** The log that hosts of a database keep of their own writes. */
export interface EventLog {
  /** The events of a session, newest first. */
  events(sessionID: string): Iterable<RecordedEvent>;
  /** The number that the host gave its newest event of a session; `null` where it keeps no log of it. */
  newestEvent(sessionID: string): number | null;
  /** Every session that the log speaks of; none where the store is larger than so many bytes. */
  loggedSessions(mostBytes: number): string[];
}

/** Where records are by their columns, whatever their documents say. */
export interface RecordPlaces {
  /** A session's own record, its messages and their parts, by id, as far as they are there. */
  ofSession(sessionID: string): ReadonlyMap<string, RecordPlace>;
  /** One record, whatever session has it now; `null` where it is not there. */
  of(artifact: Artifact): RecordPlace | null;
  /** Sessions with parts whose message is not there; none where the store is larger than so many bytes. */
  sessionsWithLooseParts(mostBytes: number): string[];
}

/** What a store remembers of an import of JSON storage. */
export interface ImportTrace {
  /** `null` where there is no such row, or it is no session, message or part. */
  importedRow(artifact: Artifact): ImportedRow | null;
}

/** A session's records in outline, for what follows from its neighbours. */
export interface Outlines {
  of(sessionID: string): Promise<SessionOutline>;
}

/** Rows that were written, by their ids in whatever table they are, and up to where the log was read. */
export interface ChangedRows {
  readonly position: WalPosition;
  readonly rowIDs: readonly string[];
}

/** Tells which rows of an open database were written, without reading the others. */
export interface ChangedRowsReader {
  /**
   * The row ids that were written since a place in the write-ahead log, and the place where it is now. `"lost"`: any row
   * may have been written. `isDatabaseUntouched`: the database file was surely not written to since.
   */
  changedSince(before: WalPosition | null, isDatabaseUntouched: boolean): ChangedRows | "lost";
  /** The end of the log, or `"lost"` where it cannot be told. */
  positionNow(): WalPosition | "lost";
  /** Changes whenever another connection has written to the database. */
  dataVersion(): number;
}

/** What opencode's terminal UI loads as it opens a session. Synchronous: it fetches the messages right afterwards. */
export interface SessionOpening {
  /** The sessions of a session's subagents. */
  subagentSessions(sessionID: string): string[];
  /** How much a session's newest messages and their parts are; counts no further than `most` records. */
  sizeOf(sessionID: string, newestMessages: number, most: number): { readonly records: number; readonly bytes: number };
  /** Visits a scope to the end; whatever text this runtime makes of a value is what the host reads in it. */
  readAsHost(scope: Scope, visit: Visit): void;
}

/** Records that are files of their own, each read at once. */
export interface FileRecords {
  /** Visits a session in short steps. */
  inSteps(sessionID: string, visit: Visit, counts: Counts): Iterable<void>;
  /** Visits some files. */
  visitNow(files: readonly RecordFile[], visit: Visit): void;
}

/** A file of a record, by its path below the data directory, and the session that it belongs to. */
export interface RecordFile {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly path: string;
}

/** Sessions as a user knows them: what a store says of each, and its messages. */
export interface ConversationReader {
  /** How hosts order the messages of a session: files by their ids, rows by time and then id. */
  readonly order: "id" | "time";
  /** Reads the parts that are left of a message whose own record is gone; `null` where they leave with it. */
  readonly remainingParts: ((messageID: string) => Promise<readonly StoredDocument[]>) | null;
  /** What the store says of each session, those without a record of their own included. */
  sessionFacts(): Promise<SessionFacts[]>;
  /** A session's messages and parts as they lie, also where there is no session record. */
  messages(sessionID: string): AsyncIterable<StoredMessage>;
  /** The ids of a session's messages that have a record, readable or not. */
  messageIDs(sessionID: string): Promise<string[]>;
  /** What belongs to a session besides its messages. */
  sessionColumns(sessionID: string): Promise<SessionColumns>;
  /** The projects that have a record, the last used first. */
  projectFacts(): Promise<ProjectFacts[]>;
}

/**
 * The reading side of a store. Nothing here changes a byte. What only some stores can do is a property of its own, which
 * is `null` where a store cannot.
 */
export interface Store {
  readonly description: StoreDescription;
  /** What another thread opens to read the same state and to scan a share of it; `null` where it cannot. */
  readonly source: DatabaseSource | "files" | null;
  readonly conversations: ConversationReader;
  readonly eventLog: EventLog | null;
  readonly places: RecordPlaces | null;
  readonly importTrace: ImportTrace | null;
  /** `null` where no rule asks for it: the hosts of that store demand next to nothing of a record. */
  readonly outlines: Outlines | null;
  readonly changedRows: ChangedRowsReader | null;
  readonly opening: SessionOpening | null;
  readonly fileRecords: FileRecords | null;
  readonly asDatabase: DatabaseStore | null;
  /** Visits the artifacts of a scope; returns early, without an error, when the signal is aborted. */
  scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void>;
  /**
   * Visits what opencode is about to load, without giving way to anything else. `false` where `isOver` said so first, or
   * the scope is not one to be read in haste.
   */
  scanNow(scope: LoadedScope, visit: Visit, counts: Counts, isOver: () => boolean): boolean;
  /** Reads one artifact afresh; `null` where it is gone. */
  examine(artifact: Artifact): Promise<Evidence | null>;
  /** Sessions by their own or their records' presence, most recently used first. */
  sessions(projectID: string | null): Promise<SessionEntry[]>;
  /** Sessions that have messages and no record of their own. */
  sessionsWithoutRecord(): Promise<string[]>;
  /** About how much there is to read, told without reading it; what is not known is absent. */
  expectedCounts(): Promise<Partial<Readonly<Counts>>>;
  /** What can be said of the store as a whole. */
  survey(): Promise<Survey>;
  close(): void;
}

/** A store whose records are rows, for what asks its tables. */
export interface DatabaseStore extends Store {
  /** The same database as a host with other demands reads it, over the same connection: only one of both is closed. */
  readAs(description: StoreDescription): DatabaseStore;
  /** What the tables say; nothing may be written there. */
  query<T>(ask: (connection: Connection, schema: Schema) => T): T;
}
