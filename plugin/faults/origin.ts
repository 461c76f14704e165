import { GO_ON_WITH_1X } from "../words/origins.ts";
import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Databases that do not belong to opencode 1.x, or not only to it. */
export const OPENCODE_2 = {
  code: "opencode-2",
  title: "The database holds records of opencode 2.x",
  invariant: "No table and no migration of opencode 2.x is there.",
  cause:
    "opencode 2.x made the database, or upgraded one of 1.x. Both use the same file. After an upgrade 1.x and 2.x go on apart from each other.",
  advice: `Nothing is wrong because of this. What was read of it, and what was not, is named. Records of 1.x are repaired there as anywhere. In the rows of 2.x \`repair\` moves only what no JSON parser reads to quarantine. ${GO_ON_WITH_1X}`,
  issues: [49614, 50260, 41217, 49412],
  classes: ["C2"],
  ...reported,
} satisfies Fault;

export const OPENCODE_2_MESSAGES = {
  code: "opencode-2-messages",
  title: "The database holds messages that only opencode 2.x reads",
  invariant: "Every session has its messages where opencode 1.x reads them.",
  cause: "A preview of opencode 2.x worked in a database of 1.17 or 1.18.",
  advice: "Nothing is wrong because of this. Look at these sessions with the opencode that wrote them.",
  issues: [],
  classes: ["C2"],
  ...reported,
} satisfies Fault;

export const OTHER_PROGRAM = {
  code: "other-program",
  title: "The database is of another program; opencode does not start with it",
  invariant: "A database under opencode's name has opencode's tables.",
  cause:
    "Another program uses the same file name, such as the older program named opencode, written in Go. opencode 1.18.33 stops: `Database is not empty and has no session table` (measured).",
  advice:
    "Do not delete it: it may hold another program's only copy. Move it to another folder, or give opencode another database (OPENCODE_DB).",
  issues: [],
  classes: ["C3"],
  ...reported,
} satisfies Fault;

export const MALFORMED_NOT_SALVAGEABLE = {
  code: "malformed-not-salvageable",
  title: "The database is damaged inside, and `salvage` would not bring everything over",
  invariant: "SQLite can read every page it needs.",
  cause: "Damage as of `database-malformed`, in a database that is not, or not certainly, of opencode 1.x alone.",
  advice:
    "Stop every opencode, the background service of 2.x included. Copy the file with its -wal and -shm, and work on the copy: `sqlite3 COPY .recover` reads what is left of every table. Else put a backup in its place. `opencode-session-repair salvage` puts no new database in its place, since it does not carry over the tables of 2.x; where it can, it builds one beside it.",
  issues: [42671],
  classes: ["B1", "C2"],
  ...reported,
} satisfies Fault;
