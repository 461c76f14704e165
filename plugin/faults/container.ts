import { swapAdvice } from "../words/advice.ts";
import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Catalogue entries for problems that concern the whole database, not one record. */
export const DATABASE_EMPTY = {
  code: "database-empty",
  title: "The database file is empty or missing; opencode would silently start a new one",
  invariant: "A database file is not empty.",
  cause:
    "The disk was full, or the file was replaced. Or the database is a link, and the file to which it leads is gone.",
  advice:
    "Do not start opencode: it would start a new database without telling you. If the database is a link, correct the link or mount its disk. Put a backup in the file's place, or look for the sessions in another database or in storage/.",
  issues: [],
  ...reported,
  classes: ["B7"],
} satisfies Fault;

export const NOT_A_DATABASE = {
  code: "not-a-database",
  title: "The file is not an SQLite database",
  invariant: "The file begins with SQLite's header.",
  cause: "Another file has this name, or the whole file was overwritten.",
  advice:
    "Stop opencode. Move this file and its -wal to another folder and keep both. Then put a backup in the place of the database.",
  issues: [30157],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const HEADER_DAMAGED = {
  code: "header-damaged",
  title: "The header of the database is overwritten, but pages after it can be read",
  invariant: "The file begins with SQLite's header.",
  cause: "The beginning of the file was overwritten or lost.",
  advice:
    "Stop every opencode, then run `opencode-session-repair salvage --swap`: it reads the pages without the header. Do not delete the -wal.",
  issues: [30157],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const WAL_WITHOUT_DATABASE = {
  code: "wal-without-database",
  title: "The database is gone, but its write-ahead log exists",
  invariant: "Each -wal has its database beside it.",
  cause: "The database was deleted or moved without its -wal.",
  advice:
    "Do not start opencode: it would start a new database and delete the -wal. Move the database back to its place beside the -wal. If the database is lost, `opencode-session-repair salvage` reads the -wal.",
  issues: [],
  ...reported,
  classes: ["B7"],
} satisfies Fault;

export const WAL_DAMAGED = {
  code: "wal-damaged",
  title: "The write-ahead log is damaged: SQLite ignores everything after the damage",
  invariant: "Every committed page of the -wal can be read.",
  cause: "The machine lost power, the disk was full, or the files were copied during a write.",
  advice:
    "Do not start opencode: it would overwrite the -wal. `opencode-session-repair salvage --swap` also reads the -wal after the damage.",
  issues: [],
  ...reported,
  classes: ["B7"],
} satisfies Fault;

export const DATABASE_MALFORMED = {
  code: "database-malformed",
  title: "The database is damaged inside",
  invariant: "SQLite can read every page that it needs.",
  cause:
    "The machine lost power, several machines wrote to one network file system, or the file was copied during a write.",
  advice: swapAdvice(
    "it builds a new database from everything that can still be read. Keep the data directory off network file systems.",
  ),
  issues: [30157, 14970, 37821, 14194],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const DATABASE_UNAVAILABLE = {
  code: "database-unavailable",
  title: "The database cannot be opened at the moment",
  invariant: "The operating system and other processes allow the tool to read the database.",
  cause: "Another process has an exclusive lock, or the disk is full or failing. The database may be undamaged.",
  advice:
    "If another process has locked the database, wait for that process. If the disk is full, free some space. Then check again. The code in brackets is the error that the system or SQLite reported.",
  issues: [19521, 21215, 33320, 38849, 47566],
  ...reported,
  classes: ["B3", "B4"],
} satisfies Fault;

export const TABLES_MISSING = {
  code: "tables-missing",
  title: "The database lacks tables or columns without which no session can be read",
  invariant: "The tables project, session, message and part exist, with their ids and documents.",
  cause: "A migration stopped half way, or somebody dropped tables or columns by hand.",
  advice: swapAdvice(
    "it builds a new database with everything that can still be read, and with what opencode logged. Or restore a backup.",
  ),
  issues: [16678, 17270],
  ...reported,
  classes: ["C3"],
} satisfies Fault;

export const SCHEMA_NEWER = {
  code: "schema-newer",
  title: "The database was written by a newer opencode than this tool knows",
  invariant: "This tool knows every migration that the database records.",
  cause:
    "opencode was upgraded. In a newer database, this tool repairs only records that no JSON parser can read. Even then, every table must have the known columns, and must need no value in a new column.",
  advice:
    "Use the newer opencode, or give the older opencode a database of its own (OPENCODE_DB). Do not add columns by hand.",
  issues: [49614, 50260, 41217],
  ...reported,
  classes: ["C2"],
} satisfies Fault;

export const SCHEMA_OLDER = {
  code: "schema-older",
  title: "The database is older than every database that this tool knows",
  invariant: "The database has the columns of opencode 1.2.1.",
  cause: "A test version from before 1.2.1 wrote the database, or an upgrade stopped half way.",
  advice:
    "Keep a copy of the database. First open the database with the opencode that wrote it, or with 1.2.27. Only then open the database with a newer opencode.",
  issues: [13654],
  ...reported,
  classes: ["C3"],
} satisfies Fault;

export const MIGRATION_FAILING = {
  code: "migration-failing",
  title: "stops the upgrade of the database, so opencode 1.17 and newer do not start",
  invariant: "Every message is valid JSON when the migration session_usage reads the messages.",
  cause:
    "The migration adds up the cost of every message, and stops at one malformed document (measured: 1.14.41 to 1.18.33).",
  advice:
    "`opencode-session-repair repair` repairs the message, or moves it to quarantine. Then opencode starts and completes the upgrade.",
  issues: [34584, 31412],
  ...reported,
  classes: ["C3"],
} satisfies Fault;

export const NETWORK_FILE_SYSTEM = {
  code: "network-file-system",
  title: "The database is on a network file system",
  invariant: "The database is on a disk of this machine.",
  cause:
    "The home directory is mounted from another machine. The shared memory of SQLite's WAL works on one machine only.",
  advice: "Set XDG_DATA_HOME to a local disk and move the data directory there while no opencode runs.",
  issues: [14970],
  ...reported,
  classes: ["B1"],
} satisfies Fault;

export const LOW_DISK_SPACE = {
  code: "low-disk-space",
  title: "The disk is nearly full",
  invariant: "The disk has space for what opencode writes.",
  cause: "Other data, or opencode's own logs and snapshots, fill the disk.",
  advice: "Free some space before you go on: a full disk damages sessions.",
  issues: [19521],
  ...reported,
  classes: ["B4"],
} satisfies Fault;

export const NO_SQLITE_RUNTIME = {
  code: "no-sqlite-runtime",
  title: "There is a database, but this runtime has no SQLite that can read it",
  invariant: "The tool runs on Bun, or on Node 22.5 or newer.",
  cause: "The tool runs on a Node older than 22.5. So the tool could not look at the database.",
  advice:
    "Run the tool with Bun or with Node 22.5 or newer: `npx -p node@24 -p opencode-session-repair opencode-session-repair`.",
  issues: [],
  ...reported,
  classes: [],
} satisfies Fault;
