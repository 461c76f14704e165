import { copiesFromEvents, type Wanted } from "../recovery/from-events.ts";
import type { Evidence } from "../stores/artifact.ts";
import type { Store } from "../stores/store.ts";
import type { ConfirmedFinding } from "./finding.ts";

/** A finding with the evidence that it rests on. */
export interface ExaminedFinding {
  readonly finding: ConfirmedFinding;
  readonly evidence: Evidence;
}

/**
 * Looks for something better than what the catalogue says of a fault: a copy that opencode itself has kept of the very
 * record takes its place. Reads only.
 */
export function prescribe(store: Store, examined: readonly ExaminedFinding[]): ConfirmedFinding[] {
  const recoverable = examined.filter(isRecoverable);
  const remedied = new Map<ConfirmedFinding, ConfirmedFinding>();
  for (const sessionID of new Set(recoverable.map(({ finding }) => finding.sessionID))) {
    if (sessionID === null) continue;
    const damaged = recoverable.filter(({ finding }) => finding.sessionID === sessionID);
    const wanted = new Map<Wanted, ConfirmedFinding>(
      damaged.map(({ finding, evidence }) => [{ artifact: finding, evidence }, finding]),
    );
    const copies = copiesFromEvents([...wanted.keys()], store.events(sessionID), store.description);
    for (const [each, replacement] of copies) {
      const finding = wanted.get(each);
      if (finding !== undefined) remedied.set(finding, { ...finding, remedy: "recover", replacement });
    }
  }
  return examined.map(({ finding }) => remedied.get(finding) ?? finding);
}

function isRecoverable({ finding: { kind, severity, seen, sessionID } }: ExaminedFinding): boolean {
  const isRecord = kind === "session" || kind === "message" || kind === "part";
  return isRecord && severity === "blocking" && seen !== null && sessionID !== null;
}
