import { type Artifact, type Evidence, isFileLocator, LONG_BYTES } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { ContentHash } from "../model/replacement.ts";
import type { ScanOptions, Scope, Store } from "../stores/store.ts";
import type { ExaminedFinding, RemedyChooser } from "./choose-remedy.ts";
import type { NewerMessagesSource } from "./newer-messages.ts";
import { scanScope, scanWholeStore } from "./scan.ts";

export interface InspectOptions extends ScanOptions {
  /** The index of the store in the list of checked stores. */
  readonly storeIndex: number;
  /** Other work on the whole store, which this thread may do while other threads read the store. */
  readonly meanwhile?: () => unknown;
  /**
   * Whether it is certain that no other process works on the store. Called only if a turn is unfinished, because the
   * answer is slow.
   */
  readonly isLeftAlone?: () => Promise<boolean>;
}

/**
 * Reads records quickly, checks each suspicious record a second time, and returns the problems that are confirmed.
 * Changes nothing.
 */
export async function inspectScope(store: Store, scope: Scope, options: InspectOptions): Promise<ConfirmedFinding[]> {
  const suspects =
    scope.what === "everything"
      ? await scanWholeStore(store, options, options.meanwhile)
      : await scanScope(store, scope, options);
  if (suspects.length === 0) return [];
  const { default: pLimit } = await import("p-limit");
  const limit = pLimit(options.concurrency);
  const examined: ExaminedFinding[] = [];
  const { bySession } = await import("./by-session.ts");
  const newer = new (await import("./newer-messages.ts")).NewerMessagesSource(store);
  let chooser: RemedyChooser | null = null;
  // The records are sorted by session, because the facts about a session are read once and then kept in memory.
  const inOrder = [...bySession(suspects, ({ sessionID }) => sessionID).values()].flat();
  for (let start = 0; start < inOrder.length; start += HELD_AT_ONCE) {
    const few = inOrder.slice(start, start + HELD_AT_ONCE);
    const confirmed = await Promise.all(few.map((artifact) => limit(() => confirm(store, artifact, newer, options))));
    for (const each of confirmed) {
      if (each === null) continue;
      // The module is loaded only if there is a problem, so that a healthy start of opencode stays fast.
      chooser ??= new (await import("./choose-remedy.ts")).RemedyChooser(store);
      const completed = await chooser.completed(each);
      examined.push({ ...each, evidence: { ...each.evidence, bytes: null }, completed });
      await releaseLong(each);
    }
  }
  return chooser === null ? [] : chooser.choose(examined);
}

/** Frees a long value of a row, which this check alone has read. */
async function releaseLong({ artifact, evidence: { bytes } }: Omit<ExaminedFinding, "completed">): Promise<void> {
  if (bytes === null || bytes.length <= LONG_BYTES || isFileLocator(artifact.locator)) return;
  (await import("../platform/memory.ts")).release(bytes);
}

/** The bytes of at most this many suspicious records are in memory at the same time. */
const HELD_AT_ONCE = 128;

/**
 * Checks the exact bytes of one record after they have stopped changing. Returns `null` if the record is healthy, is
 * gone, or is still being written.
 */
async function confirm(
  store: Store,
  artifact: Artifact,
  newer: NewerMessagesSource,
  options: Pick<InspectOptions, "storeIndex" | "isLeftAlone">,
): Promise<Omit<ExaminedFinding, "completed"> | null> {
  // The module is loaded only if there may be a problem, because it loads the schemas of records. A healthy start of
  // opencode does not need them.
  const { examineSettled } = await import("./settle-time.ts");
  let evidence = await examineSettled(store, artifact);
  if (evidence === null) return null;
  const { diagnose } = await import("../faults/diagnose.ts");
  let diagnosis = diagnose(artifact, evidence, store.description);
  if (diagnosis?.fault.code === "screen-fatal") {
    const behind = await newer.than(artifact, evidence.sessionID);
    if (behind !== null) evidence = { ...evidence, newer: behind };
    diagnosis = diagnose(artifact, evidence, store.description);
  }
  if (diagnosis === null && (await options.isLeftAlone?.())) {
    diagnosis = diagnose(artifact, evidence, store.description, Date.now(), true);
  }
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
    ...(diagnosis.hosts && { hosts: diagnosis.hosts }),
    store: options.storeIndex,
    writtenMs: evidence.mtimeMs ?? evidence.updatedMs,
    seen: await seenBytes(evidence),
    replacement: null,
  };
  return { artifact, evidence, finding };
}

async function seenBytes(evidence: Evidence): Promise<ContentHash | null> {
  const { sha256 } = await import("../platform/hash.ts");
  if (evidence.bytes !== null) return { bytes: evidence.bytes.length, sha256: sha256(evidence.bytes) };
  return evidence.sha256 === null ? null : { bytes: evidence.size, sha256: evidence.sha256 };
}
