import { GO_ON_WITH_1X } from "../words/origins.ts";
import { DATABASE_MALFORMED } from "./container.ts";
import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Catalogue entries for databases that do not belong to opencode 1.x, or not only to opencode 1.x. */
export const OPENCODE_2 = {
  code: "opencode-2",
  title: "The database holds records of opencode 2.x",
  invariant: "The database has no table and no migration of opencode 2.x.",
  cause:
    "opencode 2.x made the database, or upgraded a database of 1.x. opencode 1.x and 2.x use the same database file, but keep separate records in it.",
  advice: `Records of 2.x are not damage. The output of the check names the records that were read and those that were not. \`repair\` treats records of 1.x as in any other database. Of the rows of 2.x, \`repair\` quarantines only those that no JSON parser can read. ${GO_ON_WITH_1X}`,
  issues: [49614, 50260, 41217, 49412],
  classes: ["C2"],
  ...reported,
} satisfies Fault;

export const OPENCODE_2_MESSAGES = {
  code: "opencode-2-messages",
  title: "The database holds messages that only opencode 2.x reads",
  invariant: "The messages of every session are in the table from which opencode 1.x reads them.",
  cause: "A preview of opencode 2.x wrote to a database of 1.17 or 1.18.",
  advice: "Such messages are not damage. Open these sessions with the opencode that wrote them.",
  issues: [],
  classes: ["C2"],
  ...reported,
} satisfies Fault;

export const OTHER_PROGRAM = {
  code: "other-program",
  title: "The database belongs to another program, so opencode does not start",
  invariant: "A database with opencode's name has opencode's tables.",
  cause:
    "Another program uses the same file name, for example the older program named opencode, which is written in Go. Measured: opencode 1.18.33 stops with `Database is not empty and has no session table`.",
  advice:
    "Do not delete the database: it may be another program's only copy. Move the database to another folder, or give opencode another database (OPENCODE_DB).",
  issues: [],
  classes: ["C3"],
  ...reported,
} satisfies Fault;

export const MALFORMED_NOT_SALVAGEABLE = {
  code: "malformed-not-salvageable",
  title: "The database is damaged, and `salvage` would not save all of it",
  invariant: DATABASE_MALFORMED.invariant,
  cause: "The file is damaged as in `database-malformed`, but the database may not belong to opencode 1.x alone.",
  advice:
    "Stop every opencode, also the background service of 2.x. Copy the file with its -wal and -shm, and work on the copy: `sqlite3 COPY .recover` reads the rest of every table. Or put a backup in the place of the database. `opencode-session-repair salvage` never replaces this database, because it does not save the tables of 2.x. If possible, it builds a new database beside this one.",
  issues: [42671],
  classes: ["B1", "C2"],
  ...reported,
} satisfies Fault;
