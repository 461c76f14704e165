import type { ContentHash } from "../files/hash.ts";
import { sha256 } from "../files/hash.ts";
import type { Artifact, Evidence } from "../stores/artifact.ts";
import type { ScanOptions, Scope, Store } from "../stores/store.ts";
import type { ConfirmedFinding } from "./finding.ts";
import type { ExaminedFinding } from "./prescribe.ts";
import { examineSettled } from "./settle-time.ts";
import { suspectsEverywhere, suspectsIn } from "./suspects.ts";

export interface InspectOptions extends ScanOptions {
  /** Index of the store in the answer. */
  readonly storeIndex: number;
  /** Whether it is certain that no process works on the store; asked only where something is unfinished. */
  readonly isLeftAlone?: () => Promise<boolean>;
}

/** Scans a scope of one store, looks twice at whatever seems wrong, and returns what is. Changes nothing. */
export async function inspect(store: Store, scope: Scope, options: InspectOptions): Promise<ConfirmedFinding[]> {
  const suspects =
    scope.what === "everything" ? await suspectsEverywhere(store, options) : await suspectsIn(store, scope, options);
  if (suspects.length === 0) return [];
  const { default: pLimit } = await import("p-limit");
  const limit = pLimit(options.concurrency);
  const confirmed = await Promise.all(suspects.map((artifact) => limit(() => confirm(store, artifact, options))));
  const examined = confirmed.filter((each) => each !== null);
  if (examined.length === 0) return [];
  // Loaded only where something is wrong, like the schemas.
  const { prescribe } = await import("./prescribe.ts");
  return prescribe(store, examined);
}

/** Diagnoses one artifact on its exact bytes, once they have settled. `null`: it is healthy, gone, or being written. */
async function confirm(
  store: Store,
  artifact: Artifact,
  options: Pick<InspectOptions, "storeIndex" | "isLeftAlone">,
): Promise<ExaminedFinding | null> {
  const evidence = await examineSettled(store, artifact);
  if (evidence === null) return null;
  // Loaded only where something seems wrong: a healthy start of opencode does not pay for the schemas.
  const { diagnose } = await import("../faults/diagnose.ts");
  const diagnosis =
    diagnose(artifact, evidence, store.description) ??
    ((await options.isLeftAlone?.()) ? diagnose(artifact, evidence, store.description, Date.now(), true) : null);
  if (diagnosis === null) return null;
  const finding: ConfirmedFinding = {
    code: diagnosis.fault.code,
    severity: diagnosis.severity,
    sessionID: evidence.sessionID,
    kind: artifact.kind,
    recordID: artifact.recordID,
    locator: artifact.locator,
    remedy: diagnosis.remedy,
    evidence: diagnosis.evidence,
    store: options.storeIndex,
    seen: seenBytes(evidence),
    replacement: null,
  };
  return { artifact, evidence, finding };
}

function seenBytes(evidence: Evidence): ContentHash | null {
  if (evidence.bytes !== null) return { bytes: evidence.bytes.length, sha256: sha256(evidence.bytes) };
  return evidence.sha256 === null ? null : { bytes: evidence.size, sha256: evidence.sha256 };
}
