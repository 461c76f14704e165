import { KEEP_A_COPY, KEEP_THE_DATABASE, STOP_ON_OLD_JOURNAL } from "../words/advice.ts";
import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Catalogue entries for databases whose upgrade from one opencode version to another is incomplete. */
export const COLUMNS_MISSING = {
  code: "columns-missing",
  title: "The database lacks columns or tables that its opencode needs",
  invariant: "Every column and table that the opencode of this database uses exists.",
  cause: "An upgrade stopped half way, or the database was changed by hand.",
  advice:
    "Go back to a copy from before the upgrade. Do not add columns by hand, because opencode then fails on the next missing column.",
  remedy: "recover",
  unasked: false,
  issues: [38471, 35403, 37193, 49225],
  classes: ["C2", "C3"],
} satisfies Fault;

export const MIGRATION_UNRECORDED = {
  code: "migration-unrecorded",
  title: "The database has a table or a column whose migration is not recorded",
  invariant:
    "Every migration that was applied is recorded in the table `migration`, or in `__drizzle_migrations` up to opencode 1.15.",
  cause:
    "An upgrade changed the tables, but stopped before it recorded this change. At its next start, opencode applies the migration again and fails.",
  advice:
    "opencode 1.17 and newer do not start (`duplicate column name`, `table … already exists`). opencode 1.2 to 1.15 fails on every session (`CREATE TABLE project`). First copy the database. Then add the id of the migration, with a time, to the table of migrations. Or go back to a copy from before the upgrade.",
  remedy: "recover",
  unasked: false,
  issues: [34584, 31412, 16678, 17270, 30632, 36709],
  classes: ["C3"],
} satisfies Fault;

export const OLD_JOURNAL = {
  code: "old-journal",
  title: "The database records its migrations in the way of opencode 1.2.1 to 1.2.20",
  invariant: "The table `__drizzle_migrations` has a column called `name`.",
  cause: "No opencode newer than 1.2.20 has opened the database.",
  advice: `If this is a note, upgrade to opencode 1.18.24 or newer, the first version that understands this form. ${STOP_ON_OLD_JOURNAL} If this is a warning, or if \`migration-unrecorded\` is reported too, every newer opencode fails. Stay with opencode 1.2.1 to 1.2.20 until you have followed the advice that \`check\` prints. ${KEEP_THE_DATABASE}`,
  issues: [31119, 36407, 44201, 31121, 37707],
  classes: ["C1"],
  ...reported,
} satisfies Fault;

export const OLDER_OPENCODE = {
  code: "older-opencode",
  title: "An older opencode tried to open the database, and failed",
  invariant: "Every opencode on this machine is new enough for the database.",
  cause:
    "Two versions of opencode are installed. The newer version has upgraded the database, and the older version fails on the upgraded database.",
  advice:
    "The sessions are fine. Upgrade the older opencode: it answers every request with an error (`CREATE TABLE project`). `opencode --version` names the version that a shell starts.",
  issues: [38471, 16678],
  classes: ["C2"],
  ...reported,
} satisfies Fault;

export const EVENT_SEQUENCE_BEHIND = {
  code: "event-sequence-behind",
  title: "has sessions that can be read but accept no prompt",
  invariant: "For each session, the counter in the table `event_sequence` is the number of the session's newest event.",
  cause: "Rows of `event_sequence` were deleted or got a lower number, mostly by a script that frees space.",
  advice: `opencode gives the next event a number that already exists, and fails. \`opencode-session-repair repair --only event-sequence-behind\` sets each counter to the number of the session's newest event. If more than 1000 sessions are concerned: ${KEEP_A_COPY} Then set the counters by hand.`,
  remedy: "recover",
  unasked: false,
  issues: [33356, 46341],
  classes: ["D7"],
} satisfies Fault;
