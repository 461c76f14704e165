import type { Artifact, Evidence, StrayFile } from "../model/artifact.ts";
import { isNamedAsCopy } from "../records/copied-name.ts";
import type { Diagnosis } from "./fault.ts";
import { STRAY_FILE } from "./stray-files.ts";

/** A stray file that is a copy of another record. */
export type Copy = Extract<StrayFile, { outcome: "copy" }>;

/** A session is also a copy if it states the id of another session that exists, whatever the name of its file. */
export function isCopy(artifact: Artifact, value: unknown, { original }: Copy): boolean {
  if (isNamedAsCopy(artifact, value)) return true;
  return (
    artifact.kind === "session" &&
    original.recordID !== artifact.recordID &&
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    value.id === original.recordID
  );
}

/**
 * A copy of a record in the folder of that record. opencode reads both files and shows the session, message or part
 * twice (measured on 1.1.65). If the record itself is gone, only its copy is left, so the copy is not moved. If opencode
 * lists the copy of a session but cannot open it, the problem is a blocking one (measured on 1.0.0 to 1.1.58).
 */
export function diagnoseCopy({ stray }: Evidence, evidence: string): Diagnosis {
  const copy = stray?.outcome === "copy" ? stray : null;
  const isAlone = copy === null || copy.original.laterMs === null;
  const isListedInVain = copy?.isListedInVain === true;
  const remedy = isAlone || isListedInVain ? "report" : STRAY_FILE.remedy;
  return { fault: STRAY_FILE, severity: isListedInVain ? "blocking" : "warning", remedy, evidence };
}

/** What a copy is, in words without content, as evidence of a finding. */
export function copyWords({ original: { recordID, laterMs, isSame }, isListedInVain }: Copy): string {
  const copy = `a copy of ${recordID}`;
  if (laterMs === null && isListedInVain)
    return `${copy}, which is not there; opencode lists the copy and cannot open it`;
  if (laterMs === null) return `${copy}, which is not there`;
  if (isListedInVain) return `${copy} with another id inside; opencode lists the copy and cannot open it`;
  if (isSame) return `${copy}, identical byte for byte`;
  return `${copy}, ${laterMs > 0 ? "newer" : "older"} than it; opencode shows both`;
}
