import { type Locator, valueColumn } from "../model/artifact.ts";
import type { ManifestItem } from "../model/manifest-item.ts";
import type { ShownChange } from "../model/replacement.ts";
import type { Manifest } from "../quarantine/manifest.ts";
import type { Operation } from "../stores/writer.ts";

export type Action = "quarantined" | "recovered" | "normalised" | "settled" | "rescued" | "restored" | "skipped";

/** The result for one record, for messages to the user and for JSON answers. */
export interface ReportedItem {
  readonly id: string;
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly kind: string;
  /** The column of a session or project, if only this column was changed and not the whole record. */
  readonly column?: string;
  readonly code: string;
  readonly action: Action;
  readonly reason?: string;
  /** The source of the new content of a recovered record, in words. */
  readonly source?: string;
  /** The action that a repair would take. Present only as long as nothing was done. */
  readonly planned?: Action;
  /** The values that a repair would add or change, in words. Present only for a record that would be completed. */
  readonly changes?: readonly ShownChange[];
}

/** The action that is reported for each kind of remedy. */
export const ACTION: Readonly<Record<ManifestItem["remedy"], Action>> = {
  quarantine: "quarantined",
  recover: "recovered",
  normalise: "normalised",
  settle: "settled",
  rescue: "rescued",
};

/** The result for one item in a manifest. */
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

/** The result for a change that was not made. `reason` is a short clause. */
export function skippedItem(operation: Operation, reason: string): ReportedItem {
  const { sessionID, recordID, kind, locator, code } = operation;
  return { id: "", sessionID, recordID, kind, ...columnOf(locator), code, action: "skipped", reason };
}
