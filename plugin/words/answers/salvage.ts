import type { Finding } from "../../model/finding.ts";
import type { CheckResult } from "../../repair/check.ts";
import type { SalvageReport } from "../../salvage/salvage.ts";
import type { SalvageRun } from "../../salvage/salvage-run.ts";
import { plural } from "../amounts.ts";
import type { CommandWriter, Screen } from "./screen.ts";
import { type SessionNames, sessionLines } from "./sessions.ts";

/** The result of a salvage. */
export interface SalvageDone {
  readonly run: SalvageRun;
  readonly report: SalvageReport;
  readonly checked: CheckResult | null;
  readonly isSwapped: boolean;
}

/** Whether it is certain that nothing was lost. */
export function isWhole(report: SalvageReport): boolean {
  const { sessions, lostSessions, lostOfUnknown, lostRows, failedIndexes, emptyColumns } = report;
  const known = lostSessions.count + lostOfUnknown.messages + lostOfUnknown.parts + Object.keys(lostRows).length;
  return (
    known + failedIndexes.length + emptyColumns.length === 0 &&
    lostSessions.isCounted &&
    sessions.every((session) => session.isWhole)
  );
}

/** The verdict of the check of the new database. The verdict is healthy only if nothing was lost. */
export function salvageVerdict({ report, checked }: SalvageDone): CheckResult["verdict"] {
  if (checked === null) return "unusable";
  return checked.verdict === "healthy" && !isWhole(report) ? "damaged" : checked.verdict;
}

/** The command that puts the new database in place, or the reason why there is none. */
function placeLines(report: SalvageReport, command: CommandWriter, isSwappable: boolean): string[] {
  if (!report.isSound) return [];
  if (isSwappable) return [`To put the new database in its place: ${command("salvage", "--swap")}`];
  return [
    "`salvage --swap` refuses this database: what is left of the old file does not show whether opencode 2.x kept records in it too.",
    "To look at the new database: copy it to another folder, and start opencode with OPENCODE_DB=COPY.",
  ];
}

/** A session of the new database, and whether opencode can load it. */
export type SalvagedSession = SalvageReport["sessions"][number] & { readonly loads: boolean };

/** The settings of the answer, and whether the new database may replace the damaged one. */
export interface SalvageView {
  readonly terminal: Pick<Screen, "width" | "style" | "ellipsis">;
  /** The titles and dates of the sessions in the new database. */
  readonly names: SessionNames;
  readonly command: CommandWriter;
  readonly isSwappable: boolean;
}

/** The answer about a salvage for the user. */
export function salvageText(
  { run, report, isSwapped }: SalvageDone,
  sessions: readonly SalvagedSession[],
  blocking: readonly Finding[],
  { terminal, names, command, isSwappable }: SalvageView,
): string {
  const { rows, fromEvents, fromFiles, fromOlderPages, rebuilt } = report;
  const filled = (from: typeof fromEvents) => from.sessions + from.messages + from.parts;
  const lines = [
    `In the new database: ${plural(rows.session ?? 0, "session")}, ${plural(rows.message ?? 0, "message")}, ${plural(rows.part ?? 0, "part")}.`,
  ];
  const also = [
    [filled(fromEvents), "from the event log"],
    [filled(fromFiles), "from the files of opencode 1.0-1.1"],
    [fromOlderPages, "from older versions of database pages"],
    [report.mended, "kept up to the place where they were cut off"],
    [
      rebuilt.sessions + rebuilt.messages + rebuilt.projects,
      "rebuilt, because opencode shows no record without its parent",
    ],
  ] as const;
  for (const [count, what] of also) if (count > 0) lines.push(`  ${plural(count, "record")} ${what}`);
  lines.push("", ...lossLines(report, sessions, (id) => sessionLines(id, names, terminal)));
  lines.push(
    "",
    report.isSound ? "The new database passes SQLite's integrity check." : "The new database is not sound.",
  );
  if (report.emptyColumns.length > 0) {
    lines.push(
      `The damaged database lacked these columns or tables. The new database has these columns and tables again, but not their old content: ${report.emptyColumns.join(", ")}.`,
    );
  }
  if (!report.isSchemaTold) {
    const [oldest] = report.schemaOf;
    lines.push(
      "This tool cannot tell which opencode wrote the database: its tables, migrations and sessions are lost.",
      ...(oldest === undefined
        ? []
        : [`The new database has the form of opencode ${oldest}. Newer versions upgrade it.`]),
    );
  }
  lines.push(...remainingLines(blocking, isSwapped));
  if (isSwapped) {
    lines.push("The new database is in its place. The damaged database is in:", `  ${run.folder}`);
    lines.push(`To undo: ${command("restore", run.manifest.runID)}`);
  } else {
    lines.push("The new database is here; the database that opencode uses is unchanged:", `  ${run.target}`);
    lines.push(...placeLines(report, command, isSwappable));
  }
  return lines.join("\n");
}

/** The losses in words. A session counts as complete only if all of its records are accounted for. */
function lossLines(
  report: SalvageReport,
  sessions: readonly SalvagedSession[],
  named: (id: string) => readonly string[],
): string[] {
  const { lostSessions, lostOfUnknown } = report;
  const whole = sessions.filter((session) => session.isWhole && session.loads);
  const lines = [
    report.emptyColumns.length === 0
      ? `${plural(whole.length, "session")} saved completely.`
      : `${plural(whole.length, "session")} saved with every record, but without the content of the lost columns or tables.`,
  ];
  const uncounted = sessions.filter((session) => !session.isCounted && losses(session).length === 0);
  if (uncounted.length > 0) {
    lines.push(
      `${plural(uncounted.length, "session")} may have lost an unknown number of records, because the indexes that name them are damaged too.`,
    );
  }
  for (const session of sessions) {
    const what = losses(session);
    if (what.length > 0) lines.push(...named(session.sessionID), `    ${what.join("; ")}`);
  }
  const anywhere = sessions.filter(({ hasFolder }) => !hasFolder);
  if (anywhere.length > 0) {
    lines.push(
      `The folder of ${plural(anywhere.length, "session")} is unknown: opencode lists such a session only if opencode is started in /.`,
      "After the swap `opencode-session-repair rescue --relink --from / --to FOLDER` moves these sessions; --session ID moves only one.",
    );
  }
  const ofUnknown = [
    ...(lostOfUnknown.messages > 0 ? [plural(lostOfUnknown.messages, "message")] : []),
    ...(lostOfUnknown.parts > 0 ? [plural(lostOfUnknown.parts, "part")] : []),
  ];
  if (ofUnknown.length > 0) lines.push(`Lost from sessions that are unknown now: ${ofUnknown.join(" and ")}.`);
  const others = Object.entries(report.lostRows).filter(([table]) => !["session", "message", "part"].includes(table));
  if (others.length > 0) {
    lines.push(`Lost rows of other tables: ${others.map(([table, count]) => `${table} ${count}`).join(", ")}.`);
  }
  if (lostSessions.count > 0) {
    const atLeast = lostSessions.isCounted ? "" : "At least ";
    lines.push(`${atLeast}${plural(lostSessions.count, "session")} lost with all records.`);
  } else if (!lostSessions.isCounted) {
    lines.push("Whole sessions may be lost too: the list of sessions was damaged.");
  }
  return lines;
}

function losses(session: SalvagedSession): string[] {
  const { lostMessages, lostParts, lostOthers, cutRecords } = session;
  const lost = [
    ...(lostMessages > 0 ? [plural(lostMessages, "message")] : []),
    ...(lostParts > 0 ? [plural(lostParts, "part")] : []),
    ...(lostOthers > 0 ? [`${plural(lostOthers, "record")} of the event log and other tables`] : []),
  ];
  return [
    ...(lost.length > 0 ? [`lost ${session.isCounted ? "" : "at least "}${lost.join(" and ")}`] : []),
    ...(cutRecords > 0 ? [`${plural(cutRecords, "record")} cut off`] : []),
    ...(session.isRebuilt ? ["its own record was lost and rebuilt"] : []),
    ...(session.loads ? [] : ["opencode cannot load it yet"]),
  ];
}

/**
 * The problems that remain in the new database. `repair` works only on the database that opencode uses, and cannot fix
 * every problem.
 */
function remainingLines(blocking: readonly Finding[], isSwapped: boolean): string[] {
  const [repairable, others] = [true, false].map((is) => blocking.filter(({ remedy }) => (remedy !== "report") === is));
  const lines: string[] = [];
  if (repairable !== undefined && repairable.length > 0) {
    const when = isSwapped ? "" : "after the swap, ";
    lines.push(
      `${plural(repairable.length, "problem")} left in records: ${when}\`opencode-session-repair repair\` repairs them.`,
    );
  }
  if (others !== undefined && others.length > 0) {
    const when = isSwapped ? "" : "after the swap, ";
    const codes = [...new Set(others.map(({ code }) => code))].join(", ");
    lines.push(
      `${plural(others.length, "problem")} without a remedy (${codes}): ${when}\`opencode-session-repair\` says more.`,
    );
  }
  return lines;
}
