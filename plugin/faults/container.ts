import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** The database as a whole. */
export const DATABASE_EMPTY = {
  code: "database-empty",
  title: "The database file has zero bytes; opencode would silently start a new one",
  invariant: "A database file is not empty.",
  cause: "The disk was full, or the file was replaced.",
  advice:
    "Do not start opencode: it would start a new database without telling you. Put a backup in its place, or look for the sessions under another database name or in storage/.",
  issues: [],
  ...reported,
  classes: ["B7"],
} satisfies Fault;

export const NOT_A_DATABASE = {
  code: "not-a-database",
  title: "The file is not an SQLite database",
  invariant: "The file begins with SQLite's header.",
  cause: "Another file under this name, or everything in it was overwritten.",
  advice: "Stop opencode, and put a backup in its place; keep this file and its -wal. Do not delete the -wal.",
  issues: [30157],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const HEADER_DAMAGED = {
  code: "header-damaged",
  title: "The header of the database is overwritten; pages behind it are still there",
  invariant: "The file begins with SQLite's header.",
  cause: "The beginning of the file was overwritten or lost.",
  advice:
    "Stop every opencode, then `opencode-session-repair salvage --swap`: it reads the pages without the header. Do not delete the -wal.",
  issues: [30157],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const WAL_WITHOUT_DATABASE = {
  code: "wal-without-database",
  title: "The database is gone, its write-ahead log is still there",
  invariant: "Beside every -wal lies its database.",
  cause: "The database was deleted or moved without its -wal.",
  advice:
    "Do not start opencode: it would start a new database and delete the -wal. Move the database to its place beside the -wal. If it is lost, `opencode-session-repair salvage` reads what the -wal holds.",
  issues: [],
  ...reported,
  classes: ["B7"],
} satisfies Fault;

export const WAL_DAMAGED = {
  code: "wal-damaged",
  title: "The write-ahead log is damaged: SQLite leaves out what follows the damage",
  invariant: "Every committed page of the -wal can be read.",
  cause: "Power loss, a full disk, or a copy made while opencode was writing.",
  advice:
    "Do not start opencode: it would overwrite the log. `opencode-session-repair salvage --swap` reads what follows the damage.",
  issues: [],
  ...reported,
  classes: ["B7"],
} satisfies Fault;

export const DATABASE_MALFORMED = {
  code: "database-malformed",
  title: "The database is damaged inside",
  invariant: "SQLite can read every page it needs.",
  cause: "Power loss, a network file system with several hosts, or a copy made while opencode was writing.",
  advice:
    "Stop every opencode, then `opencode-session-repair salvage --swap`: it builds a new database from everything that can still be read. Keep the data directory off network file systems.",
  issues: [30157, 14970, 37821, 14194],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const DATABASE_UNAVAILABLE = {
  code: "database-unavailable",
  title: "The database cannot be opened at the moment",
  invariant: "The operating system and other processes let the database be read.",
  cause: "An exclusive lock, a full disk or a failing one. Busy is not broken.",
  advice:
    "If another process has locked it, wait for that process. If the disk is full, free some space. Then check again. Any other code in brackets is what the system reported.",
  issues: [19521, 21215, 33320, 38849, 47566],
  ...reported,
  classes: ["B3", "B4"],
} satisfies Fault;

export const TABLES_MISSING = {
  code: "tables-missing",
  title: "The database lacks tables that opencode needs",
  invariant: "The tables project, session, message and part are there.",
  cause: "A migration that stopped half way, or tables that were dropped by hand.",
  advice: "Stop opencode and keep a copy. A backup from before the upgrade is the way back.",
  issues: [16678, 17270],
  ...reported,
  classes: ["C3"],
} satisfies Fault;

export const SCHEMA_NEWER = {
  code: "schema-newer",
  title: "The database was written by a newer opencode than this tool knows",
  invariant: "All migrations are known.",
  cause:
    "opencode was upgraded. Only what no JSON parser reads is repaired there, and only where every table is as it is known, with nothing added that a new row would need.",
  advice:
    "Use the newer opencode, or give the older one a database of its own (OPENCODE_DB). Do not add columns by hand.",
  issues: [49614, 50260, 41217],
  ...reported,
  classes: ["C2"],
} satisfies Fault;

export const SCHEMA_OLDER = {
  code: "schema-older",
  title: "The database is older than any this tool knows",
  invariant: "The columns of opencode 1.2.1 are there.",
  cause: "A test version from before 1.2.1 wrote it, or an upgrade stopped half way.",
  advice:
    "Keep a copy of the database. Before a newer opencode opens it, open it with the opencode that wrote it, or with 1.2.27.",
  issues: [13654],
  ...reported,
  classes: ["C3"],
} satisfies Fault;

export const MIGRATION_FAILING = {
  code: "migration-failing",
  title: "stops the upgrade of the database: opencode 1.17 and newer do not start",
  invariant: "Every message is JSON when the migration session_usage reads it.",
  cause:
    "That migration adds up the cost of every message, and one malformed document ends it (measured: 1.14.41 to 1.18.33).",
  advice:
    "`opencode-session-repair repair` repairs the message, or moves it to quarantine. Then opencode starts and upgrades the rest.",
  issues: [34584, 31412],
  ...reported,
  classes: ["C3"],
} satisfies Fault;

export const NETWORK_FILE_SYSTEM = {
  code: "network-file-system",
  title: "The database lies on a network file system",
  invariant: "The database lies on a disk of this machine.",
  cause:
    "A home directory that is mounted from elsewhere. The shared memory of SQLite's WAL works on one machine only.",
  advice: "Set XDG_DATA_HOME to a local disk and move the data directory there while no opencode runs.",
  issues: [14970],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const LOW_DISK_SPACE = {
  code: "low-disk-space",
  title: "The disk is nearly full",
  invariant: "There is room for what opencode writes.",
  cause: "Other data, or opencode's own logs and snapshots.",
  advice: "Free some space before you go on: a full disk damages sessions.",
  issues: [19521],
  ...reported,
  classes: ["B4"],
} satisfies Fault;

export const NO_SQLITE_RUNTIME = {
  code: "no-sqlite-runtime",
  title: "There is a database, but this runtime has no SQLite to read it with",
  invariant: "The tool runs on Bun, or on Node 22.5 or newer.",
  cause: "An older Node. Nothing is wrong with the database as far as is known.",
  advice:
    "Run the tool with Bun or with Node 22.5 or newer: `npx -p node@24 -p opencode-session-repair opencode-session-repair`.",
  issues: [],
  ...reported,
  classes: [],
} satisfies Fault;
