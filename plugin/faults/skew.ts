import type { Fault } from "./fault.ts";

const reported = { remedy: "report", unasked: false } as const;

/** Databases between two versions. */
export const COLUMNS_MISSING = {
  code: "columns-missing",
  title: "The database lacks columns that its opencode reads",
  invariant: "Every column that opencode 1.17 and 1.18 read is there.",
  cause: "An upgrade that stopped half way, or a database that was changed by hand.",
  advice: "Go back to the copy from before the upgrade. Do not add columns by hand: one leads to the next.",
  issues: [38471, 35403, 37193, 49225],
  classes: ["C2", "C3"],
  ...reported,
} satisfies Fault;

export const MIGRATION_UNRECORDED = {
  code: "migration-unrecorded",
  title: "The database has a table or a column whose migration is not recorded",
  invariant: "A migration that was applied is in the table migration.",
  cause: "An upgrade was interrupted between the change and its record; the next start applies it again and fails.",
  advice:
    "opencode stops with `duplicate column name` or `table … already exists` where it upgrades the database. Keep a copy, then record the migration's id with its time, or go back to a copy from before the upgrade.",
  issues: [34584, 31412, 16678, 17270, 30632, 36709],
  classes: ["C3"],
  ...reported,
} satisfies Fault;

export const OLD_JOURNAL = {
  code: "old-journal",
  title: "The database records its migrations in the way of opencode 1.2.1 to 1.2.20",
  invariant: "The table __drizzle_migrations has the column name.",
  cause: "No newer opencode than 1.2.20 has opened it.",
  advice:
    "Upgrade to opencode 1.18.24 or newer: it is the first that understands this. opencode 1.17 and 1.18.3 to 1.18.23 stop with `no such column: name`. Do not delete the database.",
  issues: [31119, 36407, 44201, 31121, 37707],
  classes: ["C1"],
  ...reported,
} satisfies Fault;
