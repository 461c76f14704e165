import { STRAY_FILE } from "../faults/stray-files.ts";
import { type Artifact, type FileLocator, isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { fits } from "../records/contract.ts";
import { copiedRecordID, folderOfRecord } from "../records/copied-name.ts";
import { parseDocument, textIn } from "../stores/conversation.ts";
import type { Store } from "../stores/store.ts";

const NOTHING_AROUND = { row: null, siblings: null };

/** A complete copy of a damaged record, in another file of the same folder. */
export interface CopyBeside {
  /** The finding which reports that the copy has a file name that opencode does not use. */
  readonly copy: ConfirmedFinding;
  readonly replacement: Replacement;
  /** Whether the copy was written before the damaged file, so that the damaged file may have newer content. */
  readonly isOlder: boolean;
}

/**
 * Finds a complete copy for each damaged file that would be quarantined. A sync tool or a person may have made such a
 * copy in the same folder. If there are several, the newest is used. A copy is better than a rebuilt record, which
 * lacks the title or text.
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

/** A whole record of a lost session, and the place where opencode looks for it. */
interface WholeCopy {
  readonly locator: FileLocator;
  readonly content: { readonly bytes: Uint8Array };
}

/**
 * The newest whole copy of the record of each of these sessions, which have no record. Such a copy has the title, which
 * the messages do not state.
 */
export async function copiesOfSessions(
  store: Store,
  sessionIDs: readonly string[],
): Promise<ReadonlyMap<string, WholeCopy>> {
  const found = new Map<string, WholeCopy>();
  const copies = (await store.fileRecords?.copiesOf(new Set(sessionIDs))) ?? [];
  for (const { sessionID, locator, value, bytes } of copies.sort((a, b) => a.writtenMs - b.writtenMs)) {
    const artifact = { kind: "session", sessionID, recordID: sessionID, locator } as const;
    const isNamed = textIn(value, "title") !== null && textIn(value, "directory") !== null;
    if (isNamed && fits(artifact, value, NOTHING_AROUND, store.description)) {
      found.set(sessionID, { locator, content: { bytes } });
    }
  }
  return found;
}

/**
 * The copies, grouped by the record that they copy. The groups make the search fast, because there may be ten thousand
 * copies.
 */
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

/** A text that is equal for two files of the same folder, kind and record id. */
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
