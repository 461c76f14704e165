import { faultByCode } from "../faults/catalogue.ts";
import { DATABASE_MALFORMED, SCHEMA_NEWER, WAL_DAMAGED } from "../faults/container.ts";
import type { Fault } from "../faults/fault.ts";
import { MALFORMED_NOT_SALVAGEABLE, OPENCODE_2, OPENCODE_2_MESSAGES } from "../faults/origin.ts";
import * as refused from "../faults/refused.ts";
import { COLUMNS_MISSING, MIGRATION_UNRECORDED } from "../faults/skew.ts";
import * as unreadable from "../faults/unreadable.ts";
import { isMeasured } from "../hosts/store-line.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Origin, OriginKind } from "../model/origin.ts";
import { isCompleted } from "./may-write.ts";

/** Findings that are based on the data shapes of 1.18. A newer opencode may have changed these shapes. */
const OF_SHAPES: ReadonlySet<string> = new Set(
  [...Object.values(refused), COLUMNS_MISSING, MIGRATION_UNRECORDED].map(({ code }) => code),
);

/** Records that no JSON parser reads. No version of opencode can read these records. */
const UNREADABLE: ReadonlySet<string> = new Set(
  Object.values(unreadable)
    .map(({ code }) => code)
    .filter((code) => code !== unreadable.NOT_AN_OBJECT.code && code !== unreadable.UNAVAILABLE.code),
);

/** Findings for which the advice is a salvage. */
const ADVISING_SALVAGE: ReadonlySet<string> = new Set([DATABASE_MALFORMED, WAL_DAMAGED].map(({ code }) => code));

const SAID: Partial<Readonly<Record<OriginKind, Fault>>> = {
  "1.x and 2.x": OPENCODE_2,
  "1.x with messages of 2.x": OPENCODE_2_MESSAGES,
  newer: SCHEMA_NEWER,
};

/** The finding that names the origin of a database, if it does not belong to 1.x alone; otherwise `null`. */
export function originFault({ kind }: Origin): Fault | null {
  return SAID[kind] ?? null;
}

/** Whether a database holds records that were not read. The verdict on such a database is never healthy. */
export function leavesUnread(origin: Origin | null): boolean {
  return origin?.kind === "1.x and 2.x" || origin?.kind === "1.x with messages of 2.x";
}

/**
 * Whether the advice for a finding is a salvage. A salvage is refused for a database that does not belong to 1.x alone.
 */
export function advisesSalvage({ code }: ConfirmedFinding): boolean {
  return ADVISING_SALVAGE.has(code);
}

/**
 * Adapts the findings in a database to its origin. After that, no finding offers a remedy that would be refused, and a
 * shape that a newer opencode may use is no error. `running` is the version of the running opencode, if there is one. A
 * record that this version refuses is an error, whichever opencode wrote the database, if the rules of the version are
 * known.
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

/** Whether a repair may act on a finding in a database that does not belong to 1.x alone. */
function isWritten({ code }: ConfirmedFinding, origin: Origin, isJudged: boolean): boolean {
  if (isCompleted(origin)) return true;
  if (origin.writable === undefined) return false;
  return UNREADABLE.has(code) || (isJudged && OF_SHAPES.has(code));
}

function asNote(finding: ConfirmedFinding): ConfirmedFinding {
  return { ...finding, severity: "info", evidence: `${finding.evidence}; by the rules of 1.18` };
}

/** A finding in a database that must not be written. The advice names no command of this tool that writes. */
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
  "This tool does not change this in a database that opencode 2.x or an unknown newer opencode has written.";
