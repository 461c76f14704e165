import type { Layout } from "../hosts/known-frame.ts";

/** How many sessions of a project have this folder. */
export interface FolderSessions {
  readonly directory: string;
  readonly sessions: number;
}

/** What the record of a project and its sessions say about the project. */
export interface SurveyedProject {
  readonly id: string;
  /** The folder of the project; `null` if the project has no record. */
  readonly worktree: string | null;
  /** The folders of the project's other worktrees, which 1.3.2 and newer look up. Empty for files. */
  readonly sandboxes: readonly string[];
  readonly folders: readonly FolderSessions[];
}

/**
 * Facts about a store as a whole, not about single records. Sizes are in bytes. Other modules decide which of these
 * facts are problems.
 */
export interface Survey {
  readonly projects: readonly SurveyedProject[];
  /**
   * The numbers of messages and parts whose session or message is missing. In very large databases, parts are not
   * counted.
   */
  readonly orphans: { readonly messages: number; readonly parts: number };
  /** Sessions with messages from both before and after the overflow of the clock in message ids. */
  readonly wrappedSessions: readonly string[];
  readonly database: DatabaseSurvey | null;
}

export interface DatabaseSurvey {
  readonly bytes: number;
  /** The size of the unused pages, which is included in `bytes`. */
  readonly freeBytes: number;
  /** Missing columns that opencode reads when it loads sessions, and that no migration will add. */
  readonly missingColumns: readonly string[];
  /** Other missing columns that opencode needs when it writes, or when the id of a project changes. */
  readonly missingWrittenColumns: readonly string[];
  /** Missing columns that only some versions of opencode's version range need when they write. */
  readonly missingColumnsOfSome: readonly string[];
  /** Missing columns that a newer opencode needs but will not add, because their migration is recorded as done. */
  readonly neverAddedColumns: readonly string[];
  /** Migrations whose column exists in the database, but that are not recorded as done. */
  readonly unrecordedMigrations: readonly string[];
  /** Whether an older opencode tried to open the database and failed. */
  readonly triedByOlder: boolean;
  /** Sessions whose event counter is missing, or lower than the number of their newest event. */
  readonly countersBehind: readonly CounterBehind[];
  /** A digest of the table of event counters; `null` if no counter is behind. */
  readonly countersDigest: string | null;
  /** The damage that SQLite finds in the pages; `null` if there is none or if the pages were not checked. */
  readonly damage: string | null;
  /** Missing columns that even opencode 1.2.1, the oldest version with a database, reads. */
  readonly missingOldColumns: readonly string[];
  /** Messages on which a later migration will fail. */
  readonly stoppingMigration: readonly { readonly messageID: string; readonly sessionID: string }[];
  /** The journal, if the migrations are recorded as in 1.2.1 and no newer opencode has upgraded the database. */
  readonly oldJournal: OldJournal | null;
  /** These facts are read only if columns or records of migrations are missing, or the journal is an old one. */
  readonly frame: DatabaseFrame | null;
}

export interface CounterBehind {
  readonly sessionID: string;
  /** The stored counter; `null` if there is none. */
  readonly stored: number | null;
  /** The number of the session's newest event. */
  readonly newest: number;
}

/** A list of applied migrations that has no names, only the times at which the migrations were made. */
export interface OldJournal {
  /**
   * The times, written like the beginning of a migration's id: `20260303231226`. A value that is not a time becomes an
   * empty text.
   */
  readonly moments: readonly string[];
  /** Migrations that were applied but whose time is not in the list, although the time of a later migration is. */
  readonly unrecorded: readonly string[];
}

/** The tables, indexes and lists of migrations of a database, which show what is missing. */
export interface DatabaseFrame {
  readonly layout: Layout;
  /** The journals of migrations by their table names. A missing journal is not listed. */
  readonly journals: ReadonlyMap<string, JournalState>;
  /** The tables that have no rows, no indexes and no triggers, with their digests. */
  readonly emptyTables: ReadonlyMap<string, string>;
}

export interface JournalState {
  readonly columns: readonly string[];
  /**
   * The texts by which opencode finds a migration in the table of applied migrations. Rows without a text are left out.
   */
  readonly keys: readonly string[];
  readonly digest: string;
}
