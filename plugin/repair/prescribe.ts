import { copiesFromEvents, type Wanted } from "../recovery/from-events.ts";
import { usageOf } from "../recovery/usage.ts";
import type { Artifact, Evidence } from "../stores/artifact.ts";
import { isFileLocator } from "../stores/artifact.ts";
import type { Store } from "../stores/store.ts";
import type { ConfirmedFinding } from "./finding.ts";

/** A finding with the evidence that it rests on. */
export interface ExaminedFinding {
  /** As its place states it. */
  readonly artifact: Artifact;
  readonly evidence: Evidence;
  readonly finding: ConfirmedFinding;
}

/**
 * Looks for something better than what the catalogue says of a fault: a copy that opencode itself has kept of the very
 * record takes its place. Reads only.
 */
export async function prescribe(store: Store, examined: readonly ExaminedFinding[]): Promise<ConfirmedFinding[]> {
  const recoverable = examined.filter(isRecoverable);
  const remedied = new Map<ConfirmedFinding, ConfirmedFinding>();
  for (const sessionID of new Set(recoverable.map(({ finding }) => finding.sessionID))) {
    if (sessionID === null) continue;
    const damaged = recoverable.filter(({ finding }) => finding.sessionID === sessionID);
    const wanted = new Map<Wanted, ConfirmedFinding>(
      damaged.map(({ artifact, evidence, finding }) => [{ artifact, evidence }, finding]),
    );
    const usage = damaged.some(isSessionRow) ? await usageOf(store.messages(sessionID)) : null;
    const copies = copiesFromEvents([...wanted.keys()], store.events(sessionID), { store: store.description, usage });
    for (const [each, replacement] of copies) {
      const finding = wanted.get(each);
      if (finding !== undefined) remedied.set(finding, { ...finding, remedy: "recover", replacement });
    }
  }
  return examined.map(({ finding }) => remedied.get(finding) ?? finding);
}

/** A session's row apart from its JSON values. */
function isSessionRow({ artifact: { kind, locator } }: ExaminedFinding): boolean {
  return kind === "session" && !isFileLocator(locator) && locator.column === undefined;
}

function isRecoverable({ finding: { kind, severity, seen, sessionID } }: ExaminedFinding): boolean {
  const isRecord = kind === "session" || kind === "message" || kind === "part";
  return isRecord && severity === "blocking" && seen !== null && sessionID !== null;
}
