import { faultByCode } from "../../faults/catalogue.ts";
import type { Finding } from "../../model/finding.ts";
import { plural } from "../amounts.ts";

/** Findings in one session with the same cause. */
export interface FindingGroup<Found extends Finding = Finding> {
  readonly sessionID: string | null;
  readonly code: string;
  readonly findings: readonly Found[];
}

/** Groups findings by session and cause, so that a screen stays readable with thousands of them. */
export function groupFindings<Found extends Finding>(findings: readonly Found[]): FindingGroup<Found>[] {
  const groups = new Map<string, { sessionID: string | null; code: string; findings: Found[] }>();
  for (const finding of findings) {
    const key = `${finding.sessionID ?? ""} ${finding.code}`;
    const group = groups.get(key) ?? { sessionID: finding.sessionID, code: finding.code, findings: [] as Found[] };
    group.findings.push(finding);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The description of a group for one line of a list: `1 part is empty`, `2 parts: each is empty`. */
export function groupText(group: FindingGroup): string {
  const title = faultByCode(group.code)?.title ?? group.code;
  // A title that begins with a capital letter is a complete sentence, so no number is put before it.
  if (/^[A-Z]/.test(title)) return title;
  const kinds = new Map<string, number>();
  for (const { kind } of group.findings) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const amounts = [...kinds].map(([kind, count]) => plural(count, kind)).join(" and ");
  return group.findings.length === 1 ? `${amounts} ${title}` : `${amounts}: each ${title}`;
}
