import type { Contract, LineName, StoreDescription } from "../model/store-description.ts";
import type { ScreenName } from "./screen-demand.ts";

/** What a database shows of the host that shaped it. */
export interface Frame {
  /** Columns by table. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
  /** Ids in the table `migration`; none where there is no such table. */
  readonly migrations: ReadonlySet<string>;
}

/**
 * Versions of opencode that make the same of every record. A new version of a known line changes `last`; a line with
 * other demands is one entry. Measured on every version that npm has: docs/oracle.md.
 */
export interface HostLine {
  readonly name: LineName;
  /** The first and the last version that were measured; `null`: the newest line, which goes on. */
  readonly first: string;
  readonly last: string | null;
  /** Where the host keeps the list of its migrations. A host opens databases of its own kind alone. */
  readonly journal: "drizzle" | "migration" | null;
  /** Whether a database was shaped by a host of this line. Two lines may have the same frame. */
  readonly shaped: (frame: Frame) => boolean;
  readonly contract: Contract;
  readonly sessionDiffReader: StoreDescription["sessionDiffReader"];
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
  /** Which values end the terminal UI when a session is opened (screen.ts, screen-message.ts); `null`: none. */
  readonly screen: ScreenName | null;
}

const ANY_RECORD = {
  contract: "syntax",
  emptyIfFalse: [],
  wantsAbsolutePaths: false,
  sandboxes: "list",
  looksUpWorkspaces: false,
  knowsContentFilter: true,
  checksErrorRef: false,
  wantsWholeUserTime: false,
  readsOwnMessageIDs: false,
  failsWholeLists: false,
  readsSessionTimes: false,
  projectFile: "unread",
  listed: "30 days",
  namesProjectsByRemote: false,
  logsWrites: false,
  marksInterrupted: false,
  screen: "1.0",
} as const;

const FILES = { ...ANY_RECORD, journal: null, shaped: () => false, sessionDiffReader: "1.0" } as const;

const CHECKED_RECORD = {
  contract: "strict",
  looksUpWorkspaces: true,
  readsOwnMessageIDs: false,
  failsWholeLists: false,
  readsSessionTimes: false,
  projectFile: "unread",
  listed: "100 newest",
  namesProjectsByRemote: true,
  logsWrites: true,
  marksInterrupted: true,
} as const;

/** The last migrations of 1.17.9, and of 1.17.11 to 1.18.34. */
const LAST_OF_1_17_9 = "20260612174303_project_dir_strategy";
const LAST_OF_1_17_11 = "20260622202450_simplify_session_input";

/** Oldest first. */
export const LINES: readonly HostLine[] = [
  {
    ...FILES,
    name: "1.0.0",
    first: "1.0.0",
    last: "1.0.0",
    failsWholeLists: true,
    readsSessionTimes: true,
    readsOwnMessageIDs: true,
  },
  {
    ...FILES,
    name: "1.0.61",
    first: "1.0.61",
    last: "1.0.61",
    failsWholeLists: true,
    readsSessionTimes: true,
    sessionDiffReader: "1.0.61",
  },
  { ...FILES, name: "1.0.98", first: "1.0.98", last: "1.0.98", failsWholeLists: true, readsSessionTimes: true },
  {
    ...FILES,
    name: "1.0",
    first: "1.0.142",
    last: "1.0.185",
    failsWholeLists: true,
    readsSessionTimes: true,
    projectFile: "id",
  },
  {
    ...FILES,
    name: "1.1.11",
    screen: "1.1",
    first: "1.1.11",
    last: "1.1.34",
    failsWholeLists: true,
    projectFile: "id and sandboxes",
  },
  {
    ...FILES,
    name: "1.1",
    screen: "1.1",
    first: "1.1.53",
    last: "1.1.65",
    projectFile: "id and sandboxes",
    sessionDiffReader: "1.1",
  },
  {
    ...ANY_RECORD,
    name: "1.2",
    screen: "1.1",
    first: "1.2.1",
    last: "1.2.15",
    journal: "drizzle",
    shaped: ({ tables }) => isOf1_2(tables) && !tables.has("workspace"),
    sessionDiffReader: "1.1",
  },
  {
    ...ANY_RECORD,
    name: "1.2.20",
    screen: "1.2",
    first: "1.2.20",
    last: "1.3.2",
    journal: "drizzle",
    shaped: ({ tables }) => isOf1_2(tables) && tables.has("workspace"),
    sessionDiffReader: "1.1",
  },
  {
    ...ANY_RECORD,
    name: "1.14",
    first: "1.14.34",
    last: "1.14.41",
    journal: "drizzle",
    shaped: ({ tables }) => !tables.has("migration") && hasEvents(tables) && !tables.has("data_migration"),
    sessionDiffReader: "1.14",
    screen: "1.14",
    emptyIfFalse: ["model"],
    sandboxes: "texts",
    looksUpWorkspaces: true,
    marksInterrupted: true,
  },
  {
    ...CHECKED_RECORD,
    name: "1.15",
    screen: "1.14",
    first: "1.14.48",
    last: "1.15.4",
    journal: "drizzle",
    shaped: ({ tables }) =>
      !tables.has("migration") && tables.has("data_migration") && !has(tables, "session", "metadata"),
    sessionDiffReader: "1.15",
    emptyIfFalse: ["model"],
    wantsAbsolutePaths: false,
    sandboxes: "texts",
    knowsContentFilter: false,
    checksErrorRef: false,
    wantsWholeUserTime: true,
  },
  {
    ...CHECKED_RECORD,
    name: "1.15.13",
    screen: "1.14",
    first: "1.15.13",
    last: "1.15.13",
    journal: "drizzle",
    shaped: ({ tables }) =>
      !tables.has("migration") && tables.has("data_migration") && has(tables, "session", "metadata"),
    sessionDiffReader: "1.15",
    emptyIfFalse: ["model", "permission"],
    wantsAbsolutePaths: false,
    sandboxes: "texts",
    knowsContentFilter: false,
    checksErrorRef: true,
    wantsWholeUserTime: true,
  },
  {
    ...CHECKED_RECORD,
    name: "1.17",
    screen: null,
    first: "1.17.0",
    last: "1.17.0",
    journal: "migration",
    shaped: ({ tables, migrations }) => tables.has("migration") && !migrations.has(LAST_OF_1_17_9),
    sessionDiffReader: null,
    emptyIfFalse: ["model", "permission"],
    wantsAbsolutePaths: true,
    sandboxes: "absolute",
    knowsContentFilter: false,
    checksErrorRef: true,
    wantsWholeUserTime: false,
  },
  {
    ...CHECKED_RECORD,
    name: "1.17.9",
    screen: null,
    first: "1.17.9",
    last: "1.17.9",
    journal: "migration",
    shaped: ({ migrations }) => migrations.has(LAST_OF_1_17_9) && !migrations.has(LAST_OF_1_17_11),
    sessionDiffReader: null,
    emptyIfFalse: ["model", "permission"],
    wantsAbsolutePaths: true,
    sandboxes: "absolute",
    knowsContentFilter: true,
    checksErrorRef: true,
    wantsWholeUserTime: false,
  },
  {
    ...CHECKED_RECORD,
    name: "1.17.11",
    screen: null,
    first: "1.17.11",
    last: null,
    journal: "migration",
    shaped: ({ migrations }) => migrations.has(LAST_OF_1_17_11),
    sessionDiffReader: null,
    emptyIfFalse: ["model", "permission", "revert"],
    wantsAbsolutePaths: true,
    sandboxes: "absolute",
    knowsContentFilter: true,
    checksErrorRef: true,
    wantsWholeUserTime: false,
  },
];

function isOf1_2(tables: Frame["tables"]): boolean {
  return !tables.has("migration") && !hasEvents(tables) && !tables.has("data_migration");
}

/** What came with 1.14: one of these may be lost. */
function hasEvents(tables: Frame["tables"]): boolean {
  return tables.has("event") || tables.has("session_message") || has(tables, "session", "model");
}

function has(tables: Frame["tables"], table: string, column: string): boolean {
  return tables.get(table)?.includes(column) ?? false;
}
