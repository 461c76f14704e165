import type { LineName, StoreDescription } from "../model/store-description.ts";
import type { ScreenDemands } from "./screen-demand.ts";

/** The tables, columns and migrations of a database, which show which opencode created the tables. */
export interface SchemaFrame {
  /** The names of the columns of each table. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** The ids in the table `migration`; empty if there is no such table. */
  readonly migrations: ReadonlySet<string>;
}

/** A table in which opencode records migrations and other changes to a database. */
export interface JournalTable {
  readonly name: "migration" | "__drizzle_migrations";
  /**
   * The columns in which opencode may look up a migration. opencode uses the first of these columns that the table has
   * (docs/host-measurements.md).
   */
  readonly keys: readonly string[];
}

/** Names of columns, listed by table. */
export type Columns = Readonly<Record<string, readonly string[]>>;

/**
 * A migration that adds a table, a column or an index. The migration fails if the added object exists already
 * (measured: 1.18.33 fails with `duplicate column name: cost` or `table control_account already exists`, 1.2.1 to
 * 1.15.13 fail at statements such as `CREATE TABLE project`). With `column`, `name` is the name of the table that has
 * this column after the migration. Without `column`, `name` is the name of an index.
 */
export type AddingMigration = readonly [id: string, name: string, column?: string];

/** Columns that opencode reads whenever it loads a session. */
export interface ReadColumns {
  readonly columns: Columns;
  /**
   * The migration that adds these columns. If an upgrade stopped before this migration, the next start of opencode
   * continues there.
   */
  readonly broughtBy?: string;
  /** Whether some versions of this range work with a database that has none of the `columns`. */
  readonly mayLackAll?: true;
}

/** How opencode reads `storage/session_diff/<id>.json` when it answers `GET /session/:id/diff`. */
export interface DiffReading {
  /**
   * Whether opencode's answer fails if the file with a session's diffs cannot be read. If not, the file counts as an
   * empty list.
   */
  readonly failsUnread: boolean;
  /**
   * Whether opencode's answer fails if the path of the file leads to a folder, or to links that form a circle. If not,
   * the answer is an empty list.
   */
  readonly failsUnopened: boolean;
  /** Whether opencode reads the file with a session's diffs as UTF-8, even if the file begins like UTF-16. */
  readonly isUtf8: boolean;
  /**
   * What the file with a session's diffs must contain: anything, a list of diffs that each name a file, or a list of
   * diffs with every field checked.
   */
  readonly holds: "anything" | "names" | "diffs";
}

/**
 * A line of opencode: a range of versions that treat every record in the same way. Each line has a folder, which states
 * only the differences from the line before it. All of these facts were measured on every version that npm has:
 * docs/oracle.md, docs/host-measurements.md.
 */
export interface HostProfile {
  readonly name: LineName;
  /**
   * The first and the last version of the range that were measured. The newest range also covers all later versions.
   */
  readonly first: string;
  readonly last: string;

  /**
   * The table in which opencode records its migrations; `null` if opencode keeps sessions in files. An opencode opens
   * only databases with its own journal table.
   */
  readonly journal: JournalTable | null;
  /**
   * Whether an opencode of this version range can have created the tables of a database. Two version ranges may have
   * the same tables.
   */
  readonly shaped: (frame: SchemaFrame) => boolean;
  /** Columns that opencode reads when it loads sessions. Without these columns, the request fails. */
  readonly reads: readonly ReadColumns[];
  /** Columns that opencode uses only when it writes records, or when the id of the project changes. */
  readonly writes: Columns;
  /** Columns that only some versions of the version range name when they write. */
  readonly someWrite?: { readonly versions: string; readonly columns: Columns };
  /** Migrations of this version range and of earlier ones that fail if their table, column or index exists already. */
  readonly adds: readonly AddingMigration[];
  /**
   * Whether opencode upgrades a database of an older version range. An older database may lack columns until that
   * upgrade. A message whose JSON SQLite cannot read stops the upgrade, and opencode does not start (measured on
   * 1.18.33).
   */
  readonly upgradesOlder: boolean;

  readonly contract: StoreDescription["contract"];
  /** How opencode reads the files in `storage/session_diff`; `null` if opencode does not read these files. */
  readonly sessionDiffs: DiffReading | null;
  /** JSON columns of a session in which opencode treats `false`, `0` and `""` like `null`. */
  readonly emptyIfFalse: readonly string[];
  /** Whether opencode refuses a session or project whose folder is not an absolute path. */
  readonly wantsAbsolutePaths: boolean;
  /** The required form of `project.sandboxes`: any list, a list of texts, or a list of absolute paths. */
  readonly sandboxes: "list" | "texts" | "absolute";
  /** Whether opencode looks up the workspace that a session names. */
  readonly looksUpWorkspaces: boolean;
  /** Whether opencode accepts a turn that failed with `ContentFilterError`. */
  readonly knowsContentFilter: boolean;
  /** Whether opencode checks the field `ref` of an `UnknownError`. */
  readonly checksErrorRef: boolean;
  /** Whether the time of a user message must be a whole number. */
  readonly wantsWholeUserTime: boolean;
  /** Whether opencode looks for the parts of a message under the id that is written inside the message's file. */
  readonly readsOwnMessageIDs: boolean;
  /** Whether one bad record in a file makes the whole list of sessions fail. If not, only that record is left out. */
  readonly failsWholeLists: boolean;
  /** Whether opencode reads the time of every session when it lists sessions in files. */
  readonly readsSessionTimes: boolean;
  /** The values that opencode reads from a project's file: none, its id, or also its list of worktrees. */
  readonly projectFile: "unread" | "id" | "id and sandboxes";

  /** The sessions that the terminal UI lists if the user does not search. */
  readonly listed: "30 days" | "100 newest";
  /** Whether the id of a project is derived from its git remote. */
  readonly namesProjectsByRemote: boolean;
  /** Whether every write is logged as an event. Such a log shows which records are missing. */
  readonly logsWrites: boolean;
  /** Whether an aborted tool call is marked `interrupted`. */
  readonly marksInterrupted: boolean;
  /** The values that make the terminal UI close when a session is opened; `null` if no value does that. */
  readonly screen: ScreenDemands | null;
}
