import { type Locator, valueColumn } from "../model/artifact.ts";
import type { ManifestItem } from "../model/manifest-item.ts";
import type { ShownChange } from "../model/replacement.ts";
import type { Manifest } from "../quarantine/manifest.ts";
import type { Operation } from "../stores/writer.ts";

export type Action = "quarantined" | "recovered" | "normalised" | "settled" | "rescued" | "restored" | "skipped";

/** The outcome of one item, for people and scripts. */
export interface ReportedItem {
  readonly id: string;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly kind: string;
  /** For a session or project in a database: the only column that was changed. */
  readonly column?: string;
  readonly code: string;
  readonly action: Action;
  readonly reason?: string;
  /** The source of what replaced a recovered record, in words. */
  readonly source?: string;
  /** The action that would be taken. Present only if nothing was done yet. */
  readonly planned?: Action;
  /** The values that would change, in words. Present only for a record to which the repair would add missing values. */
  readonly changes?: readonly ShownChange[];
}

/** The action that is reported for each remedy. */
export const ACTION: Readonly<Record<ManifestItem["remedy"], Action>> = {
  quarantine: "quarantined",
  recover: "recovered",
  normalise: "normalised",
  settle: "settled",
  rescue: "rescued",
};

/** The outcome of an item of a run. */
export function reportedItem(
  { sessionID }: Manifest,
  { id, recordID, kind, locator, code, replacement }: ManifestItem,
  action: ReportedItem["action"],
  reason: string | undefined,
): ReportedItem {
  const said = reason === undefined ? {} : { reason };
  const from = action === "recovered" && replacement !== undefined ? { source: replacement.source } : {};
  return { id, sessionID, recordID, kind, ...columnOf(locator), code, action, ...from, ...said };
}

export function columnOf(locator: Locator): { readonly column?: string } {
  const column = valueColumn(locator);
  return column === null ? {} : { column };
}

/** An operation that was skipped, with the reason in one clause. */
export function skippedItem(operation: Operation, reason: string): ReportedItem {
  const { sessionID, recordID, kind, locator, code } = operation;
  return { id: "", sessionID, recordID, kind, ...columnOf(locator), code, action: "skipped", reason };
}
