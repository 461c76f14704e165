import { faultByCode } from "../../faults/catalogue.ts";
import type { ConfirmedFinding } from "../../model/finding.ts";
import { plural } from "../../repair/words.ts";

/** Findings of one session with one cause. */
export interface FindingGroup {
  readonly sessionID: string | null;
  readonly code: string;
  readonly findings: readonly ConfirmedFinding[];
}

/** Groups findings by session and cause, so that a dialog stays usable with thousands of them. */
export function groupFindings(findings: readonly ConfirmedFinding[]): FindingGroup[] {
  const groups = new Map<string, { sessionID: string | null; code: string; findings: ConfirmedFinding[] }>();
  for (const finding of findings) {
    const key = `${finding.sessionID ?? ""} ${finding.code}`;
    const group = groups.get(key) ?? { sessionID: finding.sessionID, code: finding.code, findings: [] };
    group.findings.push(finding);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** What a group is, for a line of a list: `1 part is empty`, `2 parts: each is empty`. */
export function groupText(group: FindingGroup): string {
  const title = faultByCode(group.code)?.title ?? group.code;
  // A sentence of its own.
  if (/^[A-Z]/.test(title)) return title;
  const kinds = new Map<string, number>();
  for (const { kind } of group.findings) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const amounts = [...kinds].map(([kind, count]) => plural(count, kind)).join(" and ");
  return group.findings.length === 1 ? `${amounts} ${title}` : `${amounts}: each ${title}`;
}

/** The day on which the records of a group were last written, the latest of them; `null` where the store does not tell. */
export function writtenText(group: FindingGroup): string | null {
  const latest = Math.max(...group.findings.map((finding) => finding.writtenMs ?? 0));
  return latest === 0 ? null : `written ${timeText(latest).slice(0, 10)}`;
}

/** A moment in the user's own time: `2026-11-24 09:05`. `time` in milliseconds since 1970. */
export function timeText(time: number): string {
  const local = time - new Date(time).getTimezoneOffset() * 60_000;
  return new Date(local).toISOString().slice(0, 16).replace("T", " ");
}

/** What is wrong, on one line: `1 part is empty; 2 messages: each stops in the middle`. */
export function causesText(findings: readonly ConfirmedFinding[]): string {
  return groupFindings(findings).map(groupText).join("; ");
}

/** The sentence that says what is wrong with the one session that was just opened, or with those of its subagents. */
export function sessionSentence(findings: readonly ConfirmedFinding[], sessionID: string): string {
  const isOwn = findings.some((finding) => finding.sessionID === sessionID);
  return `opencode cannot load ${isOwn ? "this conversation" : "the conversation of a subagent in it"} (${causesText(findings)}).`;
}

/** When a cause comes about, as far as cases are known. */
export function causeText(group: FindingGroup): string {
  return faultByCode(group.code)?.cause ?? "";
}
