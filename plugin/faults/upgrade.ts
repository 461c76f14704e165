import type { Fault } from "./fault.ts";

/**
 * Catalogue entries for records of 1.x that the import of opencode 2.x would lose or change. Only `check --for 2.x` and
 * `repair --for 2.x` report these problems.
 */
export const UPGRADE_DROPPED = {
  code: "upgrade-dropped",
  title: "would not arrive in opencode 2.x",
  invariant:
    "The record fits the schema of opencode 1.17 and newer, which the import of opencode 2.x uses too, and belongs to a session.",
  cause:
    "An older opencode or another program wrote the record, or the record is damaged. The import leaves the record out, and says so only in its log.",
  remedy: "normalise",
  otherwise: "report",
  unasked: false,
  advice:
    "If no rule completes the record, the missing values cannot be derived from the session. `opencode-session-repair show SESSION` prints the readable text. The record stays in the tables of 1.x, which 2.x keeps but does not read.",
  issues: [49641, 49412, 41217],
  classes: ["C2", "D3"],
} satisfies Fault;

export const UPGRADE_STOPS = {
  code: "upgrade-stops",
  title: "would stop the import of opencode 2.x",
  invariant: "The import of opencode 2.x reads every record without an error.",
  cause:
    "The record has a value on which the import fails. At each start, opencode 2.x tries the same session again and fails again. So the sessions that come later in the order of the import never arrive.",
  remedy: "normalise",
  otherwise: "report",
  unasked: false,
  advice: "Correct the named value before you start opencode 2.x for the first time.",
  issues: [42671, 50076, 50339],
  classes: ["C2", "C4"],
} satisfies Fault;

export const UPGRADE_UNREADABLE = {
  code: "upgrade-unreadable",
  title: "would arrive in opencode 2.x, which then fails on it",
  invariant: "opencode 2.x can read everything that its import writes.",
  cause:
    "The import does not check a value that 2.x checks when it loads a session. A single row with such a value makes a page of the session, or the whole session list, empty.",
  remedy: "normalise",
  otherwise: "report",
  unasked: false,
  advice: "Correct the named value before you start opencode 2.x for the first time.",
  issues: [42671],
  classes: ["C2"],
} satisfies Fault;

export const UPGRADE_CHANGED = {
  code: "upgrade-changed",
  title: "would have another content in opencode 2.x",
  invariant: "The import of opencode 2.x does not change the content of the record.",
  cause: "opencode 2.x intentionally stores this kind of record in another form.",
  remedy: "report",
  unasked: false,
  advice: "Nothing is wrong, and you need to do nothing. The import does not change the record of 1.x.",
  issues: [],
  classes: ["C2"],
} satisfies Fault;

/** The advice for data that only the tables of 1.x hold, in a database that opencode 2.x has upgraded. */
const exported =
  "`opencode-session-repair rescue --export FOLDER` writes the session to a file for `opencode session import` of opencode 2. Do not start the import of 2.x again: it would replace messages of other sessions, and delete opencode's log.";

export const NOT_IN_2X = {
  code: "not-in-opencode-2",
  title: "is in the tables of opencode 1.x, but not in those of 2.x",
  invariant: "Every session of 1.x is in opencode 2.x too.",
  cause:
    "1.x made the session after the upgrade, and the import of 2.x runs only once. Or the import left the session out. Or the session was deleted in 2.x.",
  remedy: "report",
  unasked: false,
  advice: exported,
  issues: [49641, 49412, 50130],
  classes: ["C2"],
} satisfies Fault;

export const LOSSES_IN_2X = {
  code: "incomplete-in-opencode-2",
  title: "has messages or parts in the tables of opencode 1.x, but not in the tables of 2.x",
  invariant: "The import of 2.x copied every record of the session.",
  cause:
    "The import left out damaged or incomplete records. Or you undid messages in 2.x, which removed their records from the tables of 2.x.",
  remedy: "report",
  unasked: false,
  advice: exported,
  issues: [41217, 42671],
  classes: ["C2"],
} satisfies Fault;

export const CONTINUED_IN_1X = {
  code: "continued-in-opencode-1",
  title: "was continued in opencode 1.x after the upgrade",
  invariant: "A session is continued in 1.x or in 2.x, but not in both.",
  cause:
    "1.x and 2.x were used on one database. Each version has its own copy of a session, and ignores the other copy.",
  remedy: "report",
  unasked: false,
  advice: exported,
  issues: [49412, 50260],
  classes: ["C2"],
} satisfies Fault;
