import type { LineName, StoreDescription } from "../model/store-description.ts";
import type { Screen } from "./screen-demand.ts";

/** The facts about the host that created a database's tables. */
export interface Frame {
  /** Columns by table. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** Ids in the table `migration`; empty if there is no such table. */
  readonly migrations: ReadonlySet<string>;
}

/** A table in which hosts record migrations and other changes to a database. */
export interface JournalTable {
  readonly name: "migration" | "__drizzle_migrations";
  /**
   * The column in which a host looks for a migration: the first of these that the table has
   * (docs/host-measurements.md).
   */
  readonly keys: readonly string[];
}

/** Columns by table. */
export type Columns = Readonly<Record<string, readonly string[]>>;

/**
 * A migration that adds a table, a column or an index, and fails if that exists already (measured on 1.18.33:
 * `duplicate column name: cost`, `table control_account already exists`; on 1.2.1 to 1.15.13 `CREATE TABLE project` and
 * others). If there is no column, `name` is the name of the index.
 */
export type AddingMigration = readonly [id: string, name: string, column?: string];

/** Columns that a host reads whenever it loads a session. */
export interface ReadColumns {
  readonly columns: Columns;
  /** The migration that adds them. If an upgrade stopped before this migration, the next start continues there. */
  readonly broughtBy?: string;
  /** Whether versions of the line exist that have none of these columns, and work. */
  readonly mayLackAll?: true;
}

/** How a host reads `storage/session_diff/<id>.json` when it answers `GET /session/:id/diff`. */
export interface DiffReading {
  /** Whether the answer fails if the file cannot be read. If not, the file counts as an empty list. */
  readonly failsUnread: boolean;
  /** Whether the file is read as UTF-8, whatever bytes it begins with. */
  readonly isUtf8: boolean;
  /**
   * The required content of the file: anything, a list of diffs that name a file, or a list of diffs with every field
   * checked.
   */
  readonly holds: "anything" | "names" | "diffs";
}

/**
 * A line of opencode: the versions that treat every record in the same way. Each line has a folder, which states only
 * its differences from the line before it. All of these facts were measured on every version that npm has:
 * docs/oracle.md, docs/host-measurements.md.
 */
export interface HostProfile {
  readonly name: LineName;
  /** The first and the last version that were measured. The newest line also covers versions after its last one. */
  readonly first: string;
  readonly last: string;

  /**
   * The table in which the host records its migrations; `null` if the host keeps files. A host opens only databases of
   * its own kind.
   */
  readonly journal: JournalTable | null;
  /** Whether a host of this line created the tables of a database. Two lines may have the same tables. */
  readonly shaped: (frame: Frame) => boolean;
  /** Columns without which an answer of the load path fails. */
  readonly reads: readonly ReadColumns[];
  /** Columns that the host names only when it writes, or when the id of the project changes. */
  readonly writes: Columns;
  /** Columns that only some versions of the line name when they write. */
  readonly someWrite?: { readonly versions: string; readonly columns: Columns };
  /** Migrations of this line and of earlier lines that fail if their table, column or index exists already. */
  readonly adds: readonly AddingMigration[];
  /**
   * Whether the host upgrades a database of an older line. Until then such a database may lack columns. A message whose
   * JSON SQLite cannot read stops that upgrade, and opencode does not start (measured on 1.18.33).
   */
  readonly upgradesOlder: boolean;

  readonly contract: StoreDescription["contract"];
  /** `null` if the host does not read these files. */
  readonly sessionDiffs: DiffReading | null;
  /** Columns of a session in which JSON `false`, `0` and `""` count as `null`. */
  readonly emptyIfFalse: readonly string[];
  /** Whether folders of sessions and projects must be absolute. */
  readonly wantsAbsolutePaths: boolean;
  /** The required form of `project.sandboxes`: any list, a list of texts, or a list of absolute paths. */
  readonly sandboxes: "list" | "texts" | "absolute";
  /** Whether the host looks up the workspace of a session. */
  readonly looksUpWorkspaces: boolean;
  /** Whether a turn may have failed with `ContentFilterError`. */
  readonly knowsContentFilter: boolean;
  /** Whether the host checks the `ref` of an `UnknownError`. */
  readonly checksErrorRef: boolean;
  /** Whether the time of a user message must be a whole number. */
  readonly wantsWholeUserTime: boolean;
  /** Whether the host looks for the parts of a message under the id inside the message's file. */
  readonly readsOwnMessageIDs: boolean;
  /** Whether one bad record makes a whole list of sessions in files fail. If not, only that record is left out. */
  readonly failsWholeLists: boolean;
  /** Whether a list of sessions in files reads the time of every session. */
  readonly readsSessionTimes: boolean;
  /** The values that the host reads from a project's file: none, its id, or also its list of worktrees. */
  readonly projectFile: "unread" | "id" | "id and sandboxes";

  /** The sessions that the terminal UI lists without a search. */
  readonly listed: "30 days" | "100 newest";
  /** Whether the id of a project is derived from its git remote. */
  readonly namesProjectsByRemote: boolean;
  /** Whether every write is logged as an event. Such a log shows which records are missing. */
  readonly logsWrites: boolean;
  /** Whether an aborted tool call is marked `interrupted`. */
  readonly marksInterrupted: boolean;
  /** The values that make the terminal UI close when a session is opened; `null` if there are none. */
  readonly screen: Screen | null;
}
