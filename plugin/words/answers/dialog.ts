import { faultByCode } from "../../faults/catalogue.ts";
import type { ConfirmedFinding } from "../../model/finding.ts";
import { plural } from "../amounts.ts";
import { minuteText } from "../times.ts";
import { type FindingGroup, groupFindings, groupText } from "./finding-groups.ts";

/** The latest day on which a record of a group was written; `null` if the store does not show it. */
export function writtenText(group: FindingGroup<ConfirmedFinding>): string | null {
  const latest = Math.max(...group.findings.map((finding) => finding.writtenMs ?? 0));
  return latest === 0 ? null : `written ${minuteText(latest).slice(0, 10)}`;
}

/** opencode cuts the title of an option at this many columns. It cuts title and description together at 80 columns. */
const TITLE_COLUMNS = 61;

/**
 * A run in a list: the time, and how many records of how many sessions the run changed. The year is left out if it is
 * the present year.
 */
export function runTitle(before: string, time: number, records: number, sessions: number, now = Date.now()): string {
  const when = minuteText(time);
  const isThisYear = when.slice(0, 4) === minuteText(now).slice(0, 4);
  const what = `${plural(records, "record")} of ${plural(sessions, "session")}`;
  return `${before}${isThisYear ? when.slice(5) : when}: ${what}`.slice(0, TITLE_COLUMNS);
}

/** The causes of these problems in one line: `1 part is empty; 2 messages: each stops in the middle`. */
export function causesText(findings: readonly ConfirmedFinding[]): string {
  return groupFindings(findings).map(groupText).join("; ");
}

/**
 * The sentence for the user who has just opened this session. The problem is in the session itself or in a session of
 * its subagents.
 */
export function sessionSentence(findings: readonly ConfirmedFinding[], sessionID: string): string {
  const isOwn = findings.some((finding) => finding.sessionID === sessionID);
  return `opencode cannot load ${isOwn ? "this session" : "the session of a subagent in it"} (${causesText(findings)}).`;
}

/** The situations that are known to lead to this problem. */
export function knownCauses(group: FindingGroup<ConfirmedFinding>): string {
  return faultByCode(group.code)?.cause ?? "";
}
