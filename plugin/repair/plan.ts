import { faultByCode } from "../faults/catalogue.ts";
import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import { keptKey } from "../quarantine/run-state.ts";
import type { Operation } from "../stores/writer.ts";

/** Which findings a repair acts on. */
export interface Selection {
  /** The codes of the findings to repair, which may be warnings. `null` means every error. */
  readonly codes: readonly string[] | null;
  /** The codes of warnings that are repaired together with every error, because the user confirmed them. */
  readonly also?: readonly string[];
  /**
   * Whether the user was not asked, as at the start of opencode. If so, only repairs that are allowed without asking
   * are planned.
   */
  readonly unasked: boolean;
}

/** The operations on one session in one store. They share one run folder and one manifest. */
export interface PlannedSession {
  readonly store: number;
  readonly sessionID: string | null;
  readonly operations: readonly Operation[];
}

export type Plan = readonly PlannedSession[];

const NOTHING_KEPT: ReadonlySet<string> = new Set();

/**
 * Turns findings into operations. Each operation names the content that the record must still have. Records in `kept`
 * are left out, because a user restored them (see {@link keptKey}). A pure function.
 */
export function planRepair(
  findings: readonly ConfirmedFinding[],
  selection: Selection,
  kept: ReadonlySet<string> = NOTHING_KEPT,
): Plan {
  const sessions = new Map<string, { store: number; sessionID: string | null; operations: Operation[] }>();
  // In the JSON files, two sessions may have a message with the same id. Both sessions then have the same parts, and
  // each part is repaired in only one of them.
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

/**
 * Whether the user chose problems with this code. In the first step of a repair, the chosen codes are in `codes`. In
 * later steps they are in `also`.
 */
function isNamed(code: string, { codes, also }: Selection): boolean {
  return [...(codes ?? []), ...(also ?? [])].includes(code);
}

function isSelected({ code, severity }: ConfirmedFinding, { codes, also }: Selection): boolean {
  if (codes !== null) return codes.includes(code);
  return severity === "blocking" || (also ?? []).includes(code);
}

/** Whether a repair would change the record of this finding. */
export function isRepairable({ remedy, seen, replacement, rebuilt }: ConfirmedFinding): boolean {
  if (rebuilt !== undefined) return true;
  if (remedy === "report") return false;
  return remedy === "quarantine" ? seen !== null : replacement !== null;
}

/**
 * Whether a repair may act on this finding without asking. opencode's own copy may always replace a damaged record. For
 * a quarantine, the catalogue of faults decides.
 */
export function isDoneUnasked({ remedy, seen, code, stops }: ConfirmedFinding): boolean {
  // Only rows of opencode 2.x have `stops`. These rows are never changed without asking.
  if (stops !== undefined) return false;
  if (remedy === "recover") return seen !== null;
  return remedy === "quarantine" && faultByCode(code)?.unasked === true;
}
