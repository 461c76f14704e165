import { STRAY_FILE } from "../faults/stray-files.ts";
import { type Artifact, isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { fits } from "../records/contract.ts";
import { copiedRecordID, folderOfRecord } from "../records/copied-name.ts";
import { parseDocument, textIn } from "../stores/conversation.ts";
import type { Store } from "../stores/store.ts";

const NOTHING_AROUND = { row: null, siblings: null };

/** A complete copy of a damaged record. */
export interface CopyBeside {
  /** The finding about the copy. */
  readonly copy: ConfirmedFinding;
  readonly replacement: Replacement;
  /** Whether the content of the copy is older than that of the damaged file. */
  readonly isOlder: boolean;
}

/**
 * For files of records that would be quarantined: a complete copy in the same folder, the newest if there are several.
 * A sync tool or a person made the copy. A record that is rebuilt from other records lacks its title or text.
 */
export async function copiesBeside(
  store: Store,
  findings: readonly ConfirmedFinding[],
): Promise<ReadonlyMap<ConfirmedFinding, CopyBeside>> {
  const found = new Map<ConfirmedFinding, CopyBeside>();
  const copies = copiesByRecord(findings);
  for (const finding of findings) {
    if (finding.remedy !== "quarantine" || finding.severity !== "blocking" || finding.seen === null) continue;
    let newestMs = Number.NEGATIVE_INFINITY;
    let damagedMs: number | null = null;
    for (const copy of copies.get(keyOf(finding, finding.recordID)) ?? []) {
      const whole = await wholeCopy(store, copy, finding);
      if (whole === null || whole.writtenMs < newestMs) continue;
      newestMs = whole.writtenMs;
      damagedMs ??= (await store.examine(artifactOf(finding)))?.updatedMs ?? 0;
      const replacement = { source: "a complete copy in the same folder", content: { bytes: whole.bytes } };
      found.set(finding, { copy, replacement, isOlder: newestMs < damagedMs });
    }
  }
  return found;
}

/** The files that are named as copies, by the record that they copy. There may be ten thousand such files. */
function copiesByRecord(findings: readonly ConfirmedFinding[]): ReadonlyMap<string, readonly ConfirmedFinding[]> {
  const byRecord = new Map<string, ConfirmedFinding[]>();
  for (const finding of findings) {
    if (finding.code !== STRAY_FILE.code || finding.recordID === null) continue;
    const original = copiedRecordID(finding.recordID);
    if (original === null) continue;
    const key = keyOf(finding, original);
    byRecord.set(key, [...(byRecord.get(key) ?? []), finding]);
  }
  return byRecord;
}

/** The folder, kind and id of a record in a file. */
function keyOf({ kind, locator }: ConfirmedFinding, recordID: string | null): string {
  return JSON.stringify([kind, isFileLocator(locator) ? folderOfRecord(locator.path) : null, recordID]);
}

async function wholeCopy(
  store: Store,
  copy: ConfirmedFinding,
  { kind, sessionID, recordID, locator }: ConfirmedFinding,
): Promise<{ readonly bytes: Uint8Array; readonly writtenMs: number } | null> {
  const evidence = await store.examine(artifactOf(copy));
  if (evidence?.bytes == null || evidence.storage === "row") return null;
  const parsed = parseDocument({ bytes: Buffer.from(evidence.bytes), storage: evidence.storage });
  if (!parsed.ok || textIn(parsed.value, "id") !== recordID) return null;
  const artifact = artifactOf({ kind, sessionID, recordID, locator });
  if (!fits(artifact, parsed.value, NOTHING_AROUND, store.description)) return null;
  return { bytes: evidence.bytes, writtenMs: evidence.updatedMs ?? 0 };
}

function artifactOf({ kind, sessionID, recordID, locator }: Artifact): Artifact {
  return { kind, sessionID, recordID, locator };
}
