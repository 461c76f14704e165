import type { Fault } from "../faults/fault.ts";
import type { Locator, RecordKind } from "../model/artifact.ts";
import type { ConfirmedFinding, Severity } from "../model/finding.ts";
import type { StoreDescription } from "../model/store-description.ts";

/** A store, and its index in the list of checked stores. */
export interface StoreAtIndex {
  readonly description: StoreDescription;
  /** The index of the store in the list of checked stores. */
  readonly index: number;
}

export interface FindingPlace {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
}

export type Say = (fault: Fault, severity: Severity, place: FindingPlace | null, evidence: string) => ConfirmedFinding;

/** Returns a function that makes findings about one store. Without a place, a finding is about the store as a whole. */
export function speaker(description: StoreDescription, store: number): Say {
  const whole = wholeStore(description);
  return (fault, severity, place, evidence) => ({
    code: fault.code,
    severity,
    ...(place ?? whole),
    remedy: fault.remedy,
    evidence,
    store,
    writtenMs: null,
    seen: null,
    replacement: null,
  });
}

function wholeStore({ database }: StoreDescription): FindingPlace {
  const path = database === undefined ? "storage" : database.replace(/^.*[\\/]/, "");
  return { kind: "database", sessionID: null, recordID: null, locator: { path } };
}
