import { checksRecords, diffReading, hostLine } from "../hosts/store-line.ts";
import { type Artifact, isFileLocator } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";

/** The type of a JSON document as a whole. */
export type TopLevel = "object" | "array" | "null" | "string" | "number" | "boolean";

export function topLevelOf(value: unknown): TopLevel {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  const type = typeof value;
  return type === "object" || type === "string" || type === "number" ? type : "boolean";
}

const ANYTHING: readonly TopLevel[] = ["object", "array", "null", "string", "number", "boolean"];
const RECORD: readonly TopLevel[] = ["object"];
const NOT_NULL: readonly TopLevel[] = ANYTHING.filter((each) => each !== "null");

/**
 * The accepted top levels of JSON columns of session and project, as opencode 1.17 and newer decode them. JSON `null`
 * counts as absent.
 */
const STRICT_COLUMNS: Readonly<Record<string, readonly TopLevel[]>> = {
  summary_diffs: ["array", "null"],
  metadata: ["object", "null"],
  revert: ["object", "null"],
  permission: ["array", "null"],
  model: ["object", "null"],
  sandboxes: ["array"],
  commands: ["object", "null"],
};

/**
 * The types of top level (object, list and so on) with which opencode loads a document at this place without an error.
 */
export function acceptedTopLevels(artifact: Artifact, store: StoreDescription): readonly TopLevel[] {
  if (isFileLocator(artifact.locator)) {
    switch (artifact.kind) {
      case "part":
        return NOT_NULL;
      case "session":
        return RECORD;
      case "project":
        return hostLine(store).projectFile === "unread" ? ANYTHING : RECORD;
      case "session_diff":
        return diffReading(store).holds === "anything" ? ANYTHING : ["array"];
      default:
        return ANYTHING;
    }
  }
  if (!checksRecords(store)) return ANYTHING;
  return artifact.locator.column === undefined ? RECORD : (STRICT_COLUMNS[artifact.locator.column] ?? ANYTHING);
}

/** Whether opencode loads a parsed document at this place without an error. */
export function fitsPlace(artifact: Artifact, value: unknown, store: StoreDescription): boolean {
  if (!acceptedTopLevels(artifact, store).includes(topLevelOf(value))) return false;
  return artifact.kind !== "session_diff" || !listsDiffs(store) || isDiffList(value);
}

/**
 * Whether opencode reads a session's diffs as a list. 1.1 to 1.14 go through that list and read the first character of
 * each file name (SessionSummary.diff, 1.1.65).
 */
function listsDiffs(store: StoreDescription): boolean {
  return diffReading(store).holds === "names";
}

function isDiffList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (each: unknown) => typeof each === "object" && each !== null && "file" in each && typeof each.file === "string",
    )
  );
}
