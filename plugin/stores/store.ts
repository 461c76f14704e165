import type { Artifact, Bundle, Evidence, RowValues } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { ProjectFacts, SessionColumns, SessionFacts, StoredMessage } from "./conversation.ts";
import type { SessionOutline } from "./outline.ts";
import type { DatabaseSource } from "./sqlite/driver.ts";
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

/** The reading side of a store. Nothing here changes a byte. */
export interface Store {
  readonly description: StoreDescription;
  /** What another thread opens to read the same state and to scan a share of it; `null` where it cannot. */
  readonly source: DatabaseSource | "files" | null;
  /** Visits the artifacts of a scope; returns early, without an error, when the signal is aborted. */
  scan(scope: Scope, visit: Visit, options: ScanOptions): Promise<void>;
  /** Reads one artifact afresh; `null` where it is gone. */
  examine(artifact: Artifact): Promise<Evidence | null>;
  /** Sessions by their own or their records' presence, most recently used first. */
  sessions(projectID: string | null): Promise<SessionEntry[]>;
  /** What the store says of each session, those without a record of their own included. */
  sessionFacts(): Promise<SessionFacts[]>;
  /** A session's messages and parts as they lie, also where there is no session record. */
  messages(sessionID: string): AsyncIterable<StoredMessage>;
  /** The ids of a session's messages that have a record, readable or not. */
  messageIDs(sessionID: string): Promise<string[]>;
  /** What hangs on a session besides its messages. */
  sessionColumns(sessionID: string): Promise<SessionColumns>;
  /** The projects that have a record, the last used first. */
  projectFacts(): Promise<ProjectFacts[]>;
  /** A session's records in outline, for what follows from its neighbours; nothing where no rule asks for it. */
  outline(sessionID: string): SessionOutline;
  /** The host's own log of its writes to a session, newest first; nothing where it keeps none. */
  events(sessionID: string): Iterable<RecordedEvent>;
  /** The number that the host gave its newest event of a session; `null` where it keeps no log of it. */
  newestEvent(sessionID: string): number | null;
  /** Every session that the log speaks of; none where the store is larger than so many bytes. */
  loggedSessions(mostBytes: number): string[];
  /** Where a session's own record, its messages and their parts are, by id, as far as they are there. */
  recordPlaces(sessionID: string): ReadonlyMap<string, RecordPlace>;
  /** The same of one record, whatever session has it now. */
  recordPlace(artifact: Artifact): RecordPlace | null;
  /** What a row says of its import; `null` where there is none, or it is no session, message or part. */
  importedRow(artifact: Artifact): ImportedRow | null;
  /** Sessions that have messages and no record of their own. */
  sessionsWithoutRecord(): Promise<string[]>;
  /** Sessions with parts whose message is not there; none where the store is larger than so many bytes. */
  sessionsWithLooseParts(mostBytes: number): string[];
  /** What can be said of the store as a whole. */
  survey(): Promise<Survey>;
  close(): void;
}
