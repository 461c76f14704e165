import type { LineName, StoreDescription } from "../model/store-description.ts";
import type { Screen } from "./screen-demand.ts";

/** What a database shows of the host that shaped it. */
export interface Frame {
  /** Columns by table. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** Ids in the table `migration`; none where there is no such table. */
  readonly migrations: ReadonlySet<string>;
}

/** A table in which hosts write down what they have done to a database. */
export interface JournalTable {
  readonly name: "migration" | "__drizzle_migrations";
  /** The column by which a host looks for a migration, the first that the table has (docs/host-measurements.md). */
  readonly keys: readonly string[];
}

/** Columns by table. */
export type Columns = Readonly<Record<string, readonly string[]>>;

/**
 * A migration that adds a table, a column or an index, and fails where it is there already (measured on 1.18.33: `duplicate
 * column name: cost`, `table control_account already exists`; on 1.2.1 to 1.15.13 `CREATE TABLE project` and others).
 * Without a column: the name of the index.
 */
export type AddingMigration = readonly [id: string, name: string, column?: string];

/** Columns that a host reads whenever it loads a session. */
export interface ReadColumns {
  readonly columns: Columns;
  /** The migration that adds them. An upgrade that stopped before it goes on with the next start. */
  readonly broughtBy?: string;
}

/** What a host makes of `storage/session_diff/<id>.json` when it answers `GET /session/:id/diff`. */
export interface DiffReading {
  /** Whether an answer fails where the file cannot be read; else it counts as an empty list. */
  readonly failsUnread: boolean;
  /** Whether it is read as UTF-8 whatever it begins with. */
  readonly isUtf8: boolean;
  /** What must be in it: anything, a list of diffs that name a file, or a list of diffs whose every field is checked. */
  readonly holds: "anything" | "names" | "diffs";
}

/**
 * A line of opencode: versions that make the same of every record. Each has its folder, where it says what differs from
 * the line before it. All of it was measured on every version that npm has: docs/oracle.md, docs/host-measurements.md.
 */
export interface HostProfile {
  readonly name: LineName;
  /** The first and the last version that were measured. The newest line goes on after its last. */
  readonly first: string;
  readonly last: string;

  /** Where the host keeps the list of its migrations; `null`: it keeps files. It opens databases of its own kind alone. */
  readonly journal: JournalTable | null;
  /** Whether a database was shaped by a host of this line. Two lines may have the same frame. */
  readonly shaped: (frame: Frame) => boolean;
  /** Columns without which an answer of the load path fails; of `todo` the table may be missing as a whole. */
  readonly reads: readonly ReadColumns[];
  /** Columns that it names only where it writes, or where the id of the project changes. */
  readonly writes: Columns;
  /** Its migrations, and those of the lines before it, that fail where what they add is there already. */
  readonly adds: readonly AddingMigration[];
  /**
   * Whether it upgrades a database of an older line, which may lack columns until then. A message whose JSON SQLite cannot
   * read stops that upgrade: opencode does not start (measured on 1.18.33).
   */
  readonly upgradesOlder: boolean;

  readonly contract: StoreDescription["contract"];
  /** `null`: it does not read these files. */
  readonly sessionDiffs: DiffReading | null;
  /** Columns of a session whose JSON `false`, `0` and `""` count as nothing, as `null` does. */
  readonly emptyIfFalse: readonly string[];
  /** Whether folders of sessions and projects must be absolute. */
  readonly wantsAbsolutePaths: boolean;
  /** What `project.sandboxes` must be: any list, a list of texts, or a list of absolute paths. */
  readonly sandboxes: "list" | "texts" | "absolute";
  /** Whether the workspace of a session is looked up. */
  readonly looksUpWorkspaces: boolean;
  /** Whether a turn may have failed with `ContentFilterError`. */
  readonly knowsContentFilter: boolean;
  /** Whether the `ref` of an `UnknownError` is looked at. */
  readonly checksErrorRef: boolean;
  /** Whether the time of a question must be a whole number. */
  readonly wantsWholeUserTime: boolean;
  /** Whether the id inside the file of a message is the one that its parts are looked for under. */
  readonly readsOwnMessageIDs: boolean;
  /** Whether a session list of files fails where one record does, or leaves that one out. */
  readonly failsWholeLists: boolean;
  /** Whether such a list reads the time of every session. */
  readonly readsSessionTimes: boolean;
  /** What is read of a project's file: nothing, its id, or also its list of worktrees. */
  readonly projectFile: "unread" | "id" | "id and sandboxes";

  /** Which sessions its terminal UI lists without a search. */
  readonly listed: "30 days" | "100 newest";
  /** Whether the id of a project follows from its remote. */
  readonly namesProjectsByRemote: boolean;
  /** Whether every write is an event, by which a record that is missing is told. */
  readonly logsWrites: boolean;
  /** Whether a call that is ended on abort is marked `interrupted`. */
  readonly marksInterrupted: boolean;
  /** Which values end the terminal UI when a session is opened; `null`: none. */
  readonly screen: Screen | null;
}
