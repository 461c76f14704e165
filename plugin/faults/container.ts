import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** The database as a whole. */
export const DATABASE_EMPTY = {
  code: "database-empty",
  title: "The database file has zero bytes; opencode would silently start a new one",
  invariant: "A database file is not empty.",
  cause: "The disk was full, or the file was replaced.",
  advice:
    "Do not start opencode: it would begin anew without a word. Put a backup in its place, or look for the conversations under another database name or in storage/.",
  issues: [],
  ...reported,
  classes: ["B7"],
} satisfies Fault;

export const NOT_A_DATABASE = {
  code: "not-a-database",
  title: "The file is not an SQLite database",
  invariant: "The file begins with SQLite's header.",
  cause: "Overwritten header, or another file under this name.",
  advice:
    "Stop opencode, copy the file with its -wal, and recover from the copy into a new file. Do not delete the -wal.",
  issues: [30157],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const DATABASE_MALFORMED = {
  code: "database-malformed",
  title: "The database is damaged inside",
  invariant: "SQLite can read every page it needs.",
  cause: "Power loss, a network file system with several hosts, or a copy made while opencode was writing.",
  advice:
    "Stop every opencode, copy the database with its -wal and -shm, and recover from the copy into a new file (sqlite3 .recover). Keep the data directory off network file systems.",
  issues: [30157, 14970, 37821, 14194],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const DATABASE_UNAVAILABLE = {
  code: "database-unavailable",
  title: "The database cannot be opened at the moment",
  invariant: "The operating system and other processes let the database be read.",
  cause: "An exclusive lock, permissions, a full disk or a failing one. Busy is not broken.",
  advice: "Wait for the other process, or free the disk, and check again.",
  issues: [19521, 21215, 33320, 38849, 47566],
  ...reported,
  classes: ["B3", "B4"],
} satisfies Fault;

export const TABLES_MISSING = {
  code: "tables-missing",
  title: "The database lacks tables that opencode needs",
  invariant: "The tables project, session, message and part are there.",
  cause: "A migration that stopped half way, or a database of another program.",
  advice:
    "Stop opencode and keep a copy. Another program may have taken the name; a backup from before the upgrade is the way back.",
  issues: [16678, 17270],
  ...reported,
  classes: ["C3"],
} satisfies Fault;

export const SCHEMA_NEWER = {
  code: "schema-newer",
  title: "The database was written by a newer opencode than this tool knows",
  invariant: "All migrations are known and no table of opencode 2.x is there.",
  cause: "opencode was upgraded. Reported only; nothing is written to such a database.",
  advice:
    "Use the newer opencode, or give the older one a database of its own (OPENCODE_DB). Do not add columns by hand.",
  issues: [49614, 50260, 41217],
  ...reported,
  classes: ["C2"],
} satisfies Fault;

export const NO_SQLITE_RUNTIME = {
  code: "no-sqlite-runtime",
  title: "There is a database, but this runtime has no SQLite to read it with",
  invariant: "The tool runs on Bun, or on Node 22.5 or newer.",
  cause: "An older Node. Install Bun or a newer Node, or have opencode on the PATH.",
  advice: "Run the tool with Bun or with Node 22.5 or newer.",
  issues: [],
  ...reported,
  classes: [],
} satisfies Fault;
