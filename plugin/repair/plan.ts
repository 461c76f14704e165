import { faultByCode } from "../faults/catalogue.ts";
import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import { keptKey } from "../quarantine/run-state.ts";
import type { Operation } from "../stores/writer.ts";

/** The selection of findings to repair. */
export interface Selection {
  /** Only findings with these codes, also warnings. `null`: every blocking finding. */
  readonly codes: readonly string[] | null;
  /**
   * In addition to every blocking finding, warnings with these codes are repaired. A client showed the findings to the
   * user, and the user confirmed.
   */
  readonly also?: readonly string[];
  /** Only repairs that may be done without asking at the start of opencode. */
  readonly unasked: boolean;
}

/** The operations on one session of one store. These operations share one run folder and one manifest. */
export interface PlannedSession {
  readonly store: number;
  readonly sessionID: string | null;
  readonly operations: readonly Operation[];
}

export type Plan = readonly PlannedSession[];

const NOTHING_KEPT: ReadonlySet<string> = new Set();

/**
 * Turns findings into operations with preconditions, except for records that a user restored (`kept`, see {@link
 * keptKey}). The function is pure: it reads and writes nothing.
 */
export function planRepair(
  findings: readonly ConfirmedFinding[],
  selection: Selection,
  kept: ReadonlySet<string> = NOTHING_KEPT,
): Plan {
  const sessions = new Map<string, { store: number; sessionID: string | null; operations: Operation[] }>();
  // Two sessions of files may have a message of the same id, and then both have its parts.
  const sessionOf = new Map<string, string>();
  for (const finding of findings) {
    if (kept.has(keptKey(finding, finding.seen))) continue;
    const operation = operationFor(finding, selection);
    if (operation === null) continue;
    const key = `${finding.store} ${finding.sessionID ?? ""}`;
    const place = `${finding.store} ${locatorText(finding.locator)}`;
    if ((sessionOf.get(place) ?? key) !== key) continue;
    sessionOf.set(place, key);
    const session = sessions.get(key) ?? { store: finding.store, sessionID: finding.sessionID, operations: [] };
    session.operations.push(operation);
    sessions.set(key, session);
  }
  return [...sessions.values()];
}

function operationFor(finding: ConfirmedFinding, selection: Selection): Operation | null {
  const { remedy, seen, replacement } = finding;
  const leaves = finding.leavesIfNamed === true && isNamed(finding.code, selection);
  if (!leaves && !isRepairable(finding)) return null;
  if (!isSelected(finding, selection)) return null;
  if (selection.unasked && !isDoneUnasked(finding)) return null;
  const { kind, sessionID, recordID, locator, code, evidence, rebuilt } = finding;
  const common = { kind, sessionID, recordID, locator, code, evidence, seen };
  if (rebuilt !== undefined && !selection.unasked) return { ...common, remedy: "recover", replacement: rebuilt };
  if (leaves) return { ...common, remedy: "quarantine", replacement: null };
  return remedy === "report" ? null : { ...common, remedy, replacement };
}

/** Whether the user named the code. After the first step of a repair, the named codes are in `also`. */
function isNamed(code: string, { codes, also }: Selection): boolean {
  return [...(codes ?? []), ...(also ?? [])].includes(code);
}

function isSelected({ code, severity }: ConfirmedFinding, { codes, also }: Selection): boolean {
  if (codes !== null) return codes.includes(code);
  return severity === "blocking" || (also ?? []).includes(code);
}

/** Whether a repair would act on a finding. */
export function isRepairable({ remedy, seen, replacement, rebuilt }: ConfirmedFinding): boolean {
  if (rebuilt !== undefined) return true;
  if (remedy === "report") return false;
  return remedy === "quarantine" ? seen !== null : replacement !== null;
}

/** A copy that opencode recorded may replace a damaged record at any time. The catalogue decides the rest. */
export function isDoneUnasked({ remedy, seen, code, stops }: ConfirmedFinding): boolean {
  // Rows that opencode 2.x reads are never changed without asking.
  if (stops !== undefined) return false;
  if (remedy === "recover") return seen !== null;
  return remedy === "quarantine" && faultByCode(code)?.unasked === true;
}
