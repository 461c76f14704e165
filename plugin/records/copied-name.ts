import { type Artifact, isFileLocator } from "../model/artifact.ts";

/** An id of opencode's own, and behind it something that no id of opencode holds; ownCloud writes `_conflict-DATE`. */
const COPIED = /^((?:ses|msg|prt)_[A-Za-z0-9]+)(?:[^A-Za-z0-9_]|_[Cc]onflict\b).*$/s;

/**
 * The id of the record that a file seems to be a copy of, by the name that sync tools and people give to copies
 * (`ses_x.sync-conflict-20260105-101112-ABCDEFG`, `prt_x (conflicted copy)`, `msg_x 2`); `null`: its name is no such one.
 */
export function copiedRecordID(recordID: string): string | null {
  return COPIED.exec(recordID)?.[1] ?? null;
}

/** Whether a file has the name of a copy, and what it holds says that it is another record. */
export function isNamedAsCopy({ recordID, locator }: Artifact, value: unknown): boolean {
  if (recordID === null || !isFileLocator(locator) || copiedRecordID(recordID) === null) return false;
  return typeof value === "object" && value !== null && "id" in value && value.id !== recordID;
}
