import type { Layout } from "../hosts/known-frame.ts";

/** The sessions of one folder of a project. */
export interface FolderSessions {
  readonly directory: string;
  readonly sessions: number;
}

/** The facts about a project in its own record and in its sessions. */
export interface SurveyedProject {
  readonly id: string;
  /** `null` if the project has no record. */
  readonly worktree: string | null;
  readonly folders: readonly FolderSessions[];
}

/** Facts about a store as a whole, not about single records. Sizes are in bytes; this module judges nothing. */
export interface Survey {
  readonly projects: readonly SurveyedProject[];
  /** Messages and parts whose session or message is missing. Parts of very large stores are not counted. */
  readonly orphans: { readonly messages: number; readonly parts: number };
  /** Sessions with messages from both before and after the clock of message ids started over. */
  readonly wrappedSessions: readonly string[];
  readonly database: DatabaseSurvey | null;
}

export interface DatabaseSurvey {
  readonly bytes: number;
  /** The size of unused pages. The unused pages are part of the total. */
  readonly freeBytes: number;
  /** Missing columns that the host of the store reads when it loads sessions, and that no migration will add. */
  readonly missingColumns: readonly string[];
  /** Other missing columns that the host needs when it writes, or when the id of a project changes. */
  readonly missingWrittenColumns: readonly string[];
  /** Missing columns that only some versions of the host's line need when they write. */
  readonly missingColumnsOfSome: readonly string[];
  /** Missing columns that a newer opencode needs and takes for there, because their migration is recorded. */
  readonly neverAddedColumns: readonly string[];
  /** Migrations whose column exists but whose record is missing. */
  readonly unrecordedMigrations: readonly string[];
  /** Whether an older opencode tried to open the database and failed. */
  readonly triedByOlder: boolean;
  /** The number of sessions whose event counter is missing or lower than their log. */
  readonly sessionsBehindLog: number;
  /** The damage that SQLite finds in the pages; `null` if there is none or it was not checked. */
  readonly damage: string | null;
  /** Missing columns that even opencode 1.2.1 reads. */
  readonly missingOldColumns: readonly string[];
  /** Messages at which a migration that is still to come will stop. */
  readonly stoppingMigration: readonly { readonly messageID: string; readonly sessionID: string }[];
  /** The journal, if the migrations are recorded as in 1.2.1 and no newer opencode has upgraded the database. */
  readonly oldJournal: OldJournal | null;
  /** These facts are read only if columns or records of migrations are missing, or the journal is an old one. */
  readonly frame: DatabaseFrame | null;
}

/** A journal that has no names of migrations, only their moments. */
export interface OldJournal {
  /** As ids of migrations begin: `20260303231226`. Empty for a value that is no time. */
  readonly moments: readonly string[];
  /** Migrations that were applied and have no moment here, although a later one has. */
  readonly unrecorded: readonly string[];
}

/** The tables, indexes and journals of a database, by which missing ones are found. */
export interface DatabaseFrame {
  readonly layout: Layout;
  /** The journals by name. A missing journal is not listed. */
  readonly journals: ReadonlyMap<string, JournalState>;
  /** Tables without rows, indexes and triggers, with their digests. */
  readonly emptyTables: ReadonlyMap<string, string>;
}

export interface JournalState {
  readonly columns: readonly string[];
  /** The values that the host looks for in the journal, as text. Rows without such a value are left out. */
  readonly keys: readonly string[];
  readonly digest: string;
}
