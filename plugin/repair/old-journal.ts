import { MIGRATION_UNRECORDED, OLD_JOURNAL } from "../faults/skew.ts";
import { journalOf } from "../hosts/known-frame.ts";
import { isKnownMoment } from "../hosts/known-schema.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { DatabaseFrame, OldJournal } from "../stores/survey.ts";
import { KEEP_A_COPY, KEEP_THE_DATABASE, STOP_ON_OLD_JOURNAL } from "../words/advice.ts";
import { rebuiltJournal } from "./rebuilt-table.ts";
import type { Say } from "./store-finding.ts";

/**
 * The findings on a list of migrations that has the form of 1.2.1 to 1.2.20. These versions read only the newest time
 * in the list. All newer versions look for the time of each migration (measured on 1.2.27, 1.14.41, 1.15.13, 1.18.24
 * and 1.18.33).
 */
export function oldJournalFindings(
  { moments, unrecorded }: OldJournal,
  frame: DatabaseFrame | null,
  say: Say,
): ConfirmedFinding[] {
  const unknown = moments.filter((moment) => !isKnownMoment(moment));
  const isOfKnownHost = frame !== null && journalOf(frame.layout) !== null;
  const advice = unknown.length > 0 && isOfKnownHost ? deleteRows(unknown) : STAY;
  const found: ConfirmedFinding[] = [];
  if (unrecorded.length > 0) {
    const replacement = frame && rebuiltJournal(frame);
    const finding = { ...say(MIGRATION_UNRECORDED, "warning", null, unrecorded.join(", ")), hosts: NEWER };
    found.push(replacement === null ? { ...finding, remedy: "report", advice } : { ...finding, replacement });
  }
  if (unknown.length === 0) {
    const upgrade = found.length === 0 ? UPGRADE : UPGRADE_REPAIRED;
    return [...found, { ...say(OLD_JOURNAL, "info", null, "no column name"), advice: upgrade }];
  }
  const evidence = `no column name; the time of no known migration: ${unknown.slice(0, MOST_NAMED).map(named).join(", ")}`;
  return [...found, { ...say(OLD_JOURNAL, "warning", null, evidence), hosts: NEWER, advice }];
}

const NEWER = ["1.2.27 and newer"];

const MOST_NAMED = 5;

const UPGRADE = `Upgrade to opencode 1.18.24 or newer, the first version that understands this form. ${STOP_ON_OLD_JOURNAL} ${KEEP_THE_DATABASE}`;

const UPGRADE_REPAIRED = `Every newer opencode fails until the migrations that \`migration-unrecorded\` names are recorded. After that, upgrade to opencode 1.18.24 or newer. ${KEEP_THE_DATABASE}`;

const FAILS =
  "Stay with the opencode that wrote the database (1.2.1 to 1.2.20). With this journal, 1.2.27 to 1.15 answer every request with an error (`CREATE TABLE project`), and 1.17 and newer do not start (from 1.18.24 on: `Legacy migration timestamp … does not match any known migration`).";

const STAY = `${FAILS} Do not delete the database, and keep a copy before you upgrade.`;

/** The text is empty if SQLite cannot turn the value into a time, because the value is too large or too small. */
function named(moment: string): string {
  return moment === "" ? "a value that is not a time" : moment;
}

function deleteRows(unknown: readonly string[]): string {
  const rows = unknown.map((moment) => `'${moment}'`).join(", ");
  return `${FAILS} The tables are exactly those of a known version, so the named rows are not needed. ${KEEP_A_COPY} Then run \`delete from __drizzle_migrations where created_at is not null and coalesce(strftime('%Y%m%d%H%M%S', created_at / 1000, 'unixepoch'), '') in (${rows})\` in the database, and upgrade to 1.18.24 or newer.`;
}
