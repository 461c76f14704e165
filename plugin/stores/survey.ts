import type { Layout } from "../hosts/known-frame.ts";

/** The sessions of one folder of a project. */
export interface FolderSessions {
  readonly directory: string;
  readonly sessions: number;
}

/** A project as its sessions and its own record tell of it. */
export interface SurveyedProject {
  readonly id: string;
  /** `null` where the project has no record. */
  readonly worktree: string | null;
  readonly folders: readonly FolderSessions[];
}

/** What a store says of itself as a whole, beside its records. Sizes in bytes; nothing is judged here. */
export interface Survey {
  readonly projects: readonly SurveyedProject[];
  /** Messages and parts whose session or message is not there. Parts of very large stores are not counted. */
  readonly orphans: { readonly messages: number; readonly parts: number };
  /** Sessions with messages on both sides of the moment in which the clock of message ids started over. */
  readonly wrappedSessions: readonly string[];
  readonly database: DatabaseSurvey | null;
}

export interface DatabaseSurvey {
  readonly bytes: number;
  /** Of that, pages that hold nothing. */
  readonly freeBytes: number;
  /** Columns that the host of the store reads on its load path, and that are not there, although no migration brings them. */
  readonly missingColumns: readonly string[];
  /** Columns that it needs besides, to write or where the id of a project changes. */
  readonly missingWrittenColumns: readonly string[];
  /** Migrations whose column is there and whose record is not. */
  readonly unrecordedMigrations: readonly string[];
  /** Whether an older opencode has tried to open it, and failed. */
  readonly triedByOlder: boolean;
  /** Sessions whose counter of events is behind their log, or gone. */
  readonly sessionsBehindLog: number;
  /** What SQLite finds wrong with the pages; `null` for nothing, and where it was not looked for. */
  readonly damage: string | null;
  /** Columns that even opencode 1.2.1 reads, and that are not there. */
  readonly missingOldColumns: readonly string[];
  /** Messages that a migration will stop at which was not applied yet. */
  readonly stoppingMigration: readonly { readonly messageID: string; readonly sessionID: string }[];
  /** Whether the migrations are recorded as 1.2.1 did it. */
  readonly hasOldJournal: boolean;
  /** Read only where columns or records of migrations are missing. */
  readonly frame: DatabaseFrame | null;
}

/** What a database is made of, for what it lacks. */
export interface DatabaseFrame {
  readonly layout: Layout;
  /** By name; a journal that is not there is not in it. */
  readonly journals: ReadonlyMap<string, JournalState>;
  /** Tables without rows, indexes and triggers, with their digests. */
  readonly emptyTables: ReadonlyMap<string, string>;
}

export interface JournalState {
  readonly columns: readonly string[];
  /** What the host looks for in it, as text; rows without it are left out. */
  readonly keys: readonly string[];
  readonly digest: string;
}
