import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Catalogue entries for data that is too large for opencode or for a provider. */
export const GIANT_RECORD = {
  code: "giant-record",
  title: "is larger than 64 MB",
  invariant: "A record is so small that opencode can load it together with the rest of its session.",
  cause: "Whole files were stored inside a tool's output, an attachment or a summary of changes.",
  advice:
    "opencode may run out of memory when it loads the record. `repair` does not change the record, because it is not damaged. If you do not need the record, stop opencode, make a copy of the data, and remove the record by hand.",
  issues: [20990, 49221, 42263, 17622, 38362, 22072],
  classes: ["A5", "D9"],
  ...reported,
} satisfies Fault;

export const LARGE_IMAGE = {
  code: "large-image",
  title: "is an image larger than providers accept (5 MB)",
  invariant: "An attached image has at most 5,242,880 bytes.",
  cause:
    "A screenshot or photograph was attached without making it smaller. The session opens, but the provider refuses each new turn.",
  advice: "Fork the session before that message, or undo the message.",
  issues: [21668, 9512, 23570, 12068, 47721],
  classes: ["E5"],
  ...reported,
} satisfies Fault;

export const LARGE_WAL = {
  code: "large-wal",
  title: "The write-ahead log of the database is larger than 1 GB",
  invariant: "From time to time, SQLite writes the content of the -wal into the database, so the -wal stays small.",
  cause: "A process began to read the database and never ended, so SQLite cannot write the -wal back.",
  advice:
    "End all opencode processes, then run: sqlite3 DATABASE 'pragma wal_checkpoint(truncate)'. Never delete the -wal: it holds messages.",
  issues: [37495, 37821, 20118],
  classes: ["B2"],
  ...reported,
} satisfies Fault;

export const EVENT_BLOAT = {
  code: "event-bloat",
  title: "Messages and parts are less than half of the database",
  invariant: "In a large database, messages and parts take up more than half of the space.",
  cause:
    "At each update of a message, opencode writes the whole message into the table `event`. opencode also keeps the events of deleted sessions.",
  advice:
    "The sessions are not damaged. SQLite's VACUUM frees the unused pages, but while it runs, it needs free space of the database's size.",
  issues: [47223, 33356, 46341, 43456, 32716],
  classes: ["B5"],
  ...reported,
} satisfies Fault;
