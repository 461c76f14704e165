import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Data that is too large. */
export const GIANT_RECORD = {
  code: "giant-record",
  title: "is larger than 64 MB",
  invariant: "A record is small enough to be loaded with the others of its session.",
  cause: "Whole files inside a tool's output, an attachment or a summary of changes.",
  advice:
    "opencode may run out of memory on it. If you can do without this record, quarantine it: `opencode-session-repair repair --only giant-record`.",
  issues: [20990, 49221, 42263, 17622, 38362, 22072],
  classes: ["A5", "D9"],
  ...reported,
} satisfies Fault;

export const LARGE_IMAGE = {
  code: "large-image",
  title: "is an image larger than providers accept (5 MB)",
  invariant: "An attached image has at most 5,242,880 bytes.",
  cause: "A screenshot or photograph was attached as it was. It loads; each new turn of the session is refused.",
  advice: "Fork the session before that message, or undo it.",
  issues: [21668, 9512, 23570, 12068, 47721],
  classes: ["E5"],
  ...reported,
} satisfies Fault;

export const LARGE_WAL = {
  code: "large-wal",
  title: "The write-ahead log of the database is larger than 1 GB",
  invariant: "The -wal is written back into the database now and then.",
  cause: "A process that never ends reads the database and keeps the log from being written back.",
  advice:
    "End all opencode processes, then: sqlite3 DATABASE 'pragma wal_checkpoint(truncate)'. Never delete the -wal: it holds messages.",
  issues: [37495, 37821, 20118],
  classes: ["B2"],
  ...reported,
} satisfies Fault;

export const EVENT_BLOAT = {
  code: "event-bloat",
  title: "Most of the database is not messages or parts",
  invariant: "Messages and parts are the larger part of a large database.",
  cause: "opencode logs every update of a message whole in the table event; deleted sessions leave theirs behind.",
  advice: "Nothing is wrong with the sessions. Free pages return with VACUUM, which needs as much space again.",
  issues: [47223, 33356, 46341, 43456, 32716],
  classes: ["B5"],
  ...reported,
} satisfies Fault;
