import { faultByCode } from "../faults/catalogue.ts";
import { DATABASE_MALFORMED, SCHEMA_NEWER, TABLES_MISSING, WAL_DAMAGED } from "../faults/container.ts";
import type { Fault } from "../faults/fault.ts";
import { MALFORMED_NOT_SALVAGEABLE, OPENCODE_2, OPENCODE_2_MESSAGES } from "../faults/origin.ts";
import * as refused from "../faults/refused.ts";
import { COLUMNS_MISSING, MIGRATION_UNRECORDED } from "../faults/skew.ts";
import * as unreadable from "../faults/unreadable.ts";
import { isMeasured } from "../hosts/store-line.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Origin, OriginKind } from "../model/origin.ts";
import { isCompleted } from "./may-write.ts";

/**
 * Findings that say that a value has a wrong form by the rules of opencode 1.18. A newer opencode may have changed
 * these rules.
 */
const OF_SHAPES: ReadonlySet<string> = new Set(
  [...Object.values(refused), COLUMNS_MISSING, MIGRATION_UNRECORDED].map(({ code }) => code),
);

/** Findings on records that no JSON parser can read, so no version of opencode can read them. */
const UNREADABLE: ReadonlySet<string> = new Set(
  Object.values(unreadable)
    .map(({ code }) => code)
    .filter((code) => code !== unreadable.NOT_AN_OBJECT.code && code !== unreadable.UNAVAILABLE.code),
);

/** Findings whose advice is to salvage the database. */
const ADVISING_SALVAGE: ReadonlySet<string> = new Set(
  [DATABASE_MALFORMED, WAL_DAMAGED, TABLES_MISSING].map(({ code }) => code),
);

const SAID: Partial<Readonly<Record<OriginKind, Fault>>> = {
  "1.x and 2.x": OPENCODE_2,
  "1.x with messages of 2.x": OPENCODE_2_MESSAGES,
  newer: SCHEMA_NEWER,
};

/**
 * The kind of finding which says that this database was also written by opencode 2.x, or by a version that is newer
 * than this tool knows. `null` for all other databases.
 */
export function originFault({ kind }: Origin): Fault | null {
  return SAID[kind] ?? null;
}

/**
 * Whether a database holds records of opencode 2.x that an ordinary check does not read. As long as they are unread,
 * the database is not called healthy.
 */
export function leavesUnread(origin: Origin | null): boolean {
  return origin?.kind === "1.x and 2.x" || origin?.kind === "1.x with messages of 2.x";
}

/**
 * Whether the advice for a finding is a salvage. A salvage is refused if opencode 2.x or a newer opencode wrote in the
 * database.
 */
export function advisesSalvage({ code }: ConfirmedFinding): boolean {
  return ADVISING_SALVAGE.has(code);
}

/**
 * Adapts the findings in a database that opencode 2.x or a newer opencode wrote. No finding may offer a remedy that
 * would be refused later. A value that is wrong only by the rules of 1.18 is no error there.
 * `running` is the version of the opencode that runs, or `null`. If the rules of that version are known, a record that
 * it refuses stays an error.
 */
export function byOrigin(
  origin: Origin | null,
  findings: readonly ConfirmedFinding[],
  running: string | null = null,
): ConfirmedFinding[] {
  if (origin === null || origin.kind === "1.x") return [...findings];
  const isJudged = running !== null && isMeasured(running);
  return findings.map((finding) => {
    const isShape = origin.writable !== "all" && OF_SHAPES.has(finding.code) && !isJudged;
    const known = isShape && isNewer(origin) ? asNote(finding) : finding;
    const reported = isWritten(finding, origin, isJudged) ? known : onlyReported(known);
    return advisesSalvage(finding) ? { ...reported, code: MALFORMED_NOT_SALVAGEABLE.code } : reported;
  });
}

function isNewer({ kind, writable }: Origin): boolean {
  return kind === "newer" || writable === "unreadable";
}

/** Whether a repair may change the record of a finding, in a database that opencode 2.x or a newer opencode wrote. */
function isWritten({ code }: ConfirmedFinding, origin: Origin, isJudged: boolean): boolean {
  if (isCompleted(origin)) return true;
  if (origin.writable === undefined) return false;
  return UNREADABLE.has(code) || (isJudged && OF_SHAPES.has(code));
}

function asNote(finding: ConfirmedFinding): ConfirmedFinding {
  return { ...finding, severity: "info", evidence: `${finding.evidence}; by the rules of 1.18` };
}

/**
 * The finding without any remedy, for a record that must not be changed. Its advice names no command that would change
 * it.
 */
export function onlyReported({
  rebuilt: _rebuilt,
  leavesIfNamed: _leaves,
  ...finding
}: ConfirmedFinding): ConfirmedFinding {
  const reported = { ...finding, remedy: "report", replacement: null } as const;
  const advice = finding.advice ?? faultByCode(finding.code)?.advice ?? "";
  return ADVISES_A_COMMAND.test(advice) || finding.remedy !== "report"
    ? { ...reported, advice: NOT_WRITTEN }
    : reported;
}

const ADVISES_A_COMMAND = /opencode-session-repair (?:repair|rescue)/;

const NOT_WRITTEN =
  "This tool does not repair this problem in a database that opencode 2.x or an unknown newer opencode has written.";
