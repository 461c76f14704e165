import { faultByCode } from "../faults/catalogue.ts";
import { SCHEMA_MISMATCH } from "../faults/refused.ts";
import { SCREEN_FATAL, SHOWN_NOWHERE } from "../faults/screen.ts";
import { STRAY_FILE } from "../faults/stray-files.ts";
import { type Artifact, type Evidence, isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { nodeFileSystem } from "../platform/file-system.ts";
import { abortedAnswer, abortedTool } from "../remedies/close/aborted.ts";
import { NeighbourSource } from "../remedies/complete/neighbours.ts";
import { normalised } from "../remedies/complete/normalise.ts";
import { copiesFromEvents, type Wanted } from "../remedies/recover/from-events.ts";
import { copyFromFile } from "../remedies/recover/from-file.ts";
import { usageOf } from "../remedies/recover/usage.ts";
import { parseDocument } from "../stores/conversation.ts";
import type { Store } from "../stores/store.ts";
import { bySession } from "./by-session.ts";
import { refusedNames } from "./missing-records.ts";

/**
 * A finding, and the facts on which it is based. The record's bytes are left out, because there may be many findings.
 */
export interface ExaminedFinding {
  /** The record, and the file or row that holds it. */
  readonly artifact: Artifact;
  readonly evidence: Evidence;
  readonly finding: ConfirmedFinding;
  /** The record with completed fields, as opencode accepts it; `null` if that is not possible. */
  readonly completed: Replacement | null;
}

/** Chooses the remedy for each finding of one store. Changes nothing. */
export class RemedyChooser {
  readonly #store: Store;
  readonly #neighbours: NeighbourSource;

  constructor(store: Store) {
    this.#store = store;
    this.#neighbours = new NeighbourSource(store);
  }

  /** Completes a record while its bytes are still in memory. Returns `null` if no rule applies. */
  async completed({ artifact, evidence, finding }: Omit<ExaminedFinding, "completed">): Promise<Replacement | null> {
    if (finding.remedy === "settle") return settled(this.#store, artifact, evidence);
    const isShownNowhere = SHOWN_NOWHERE.includes(finding.code);
    const isToComplete = finding.severity === "blocking" || finding.hosts !== undefined || isShownNowhere;
    if (!isToComplete || finding.seen === null) return null;
    if (evidence.storage !== "row" && (evidence.bytes === null || faultByCode(finding.code)?.remedy !== "normalise")) {
      return null;
    }
    const neighbours = await this.#neighbours.of(evidence.sessionID);
    const failing = isShownNowhere || finding.code === SCREEN_FATAL.code ? "screen" : "server";
    return normalised(artifact, evidence, neighbours, this.#store.description, failing);
  }

  /**
   * Chooses the remedy of each finding. A copy that opencode kept in its log or in an imported file is preferred.
   * Otherwise a readable record is completed. Otherwise the catalogue of faults names the remedy.
   */
  async choose(examined: readonly ExaminedFinding[]): Promise<ConfirmedFinding[]> {
    const store = this.#store;
    const recoverable = examined.filter(isRecoverable);
    const remedied = new Map<ConfirmedFinding, ConfirmedFinding>();
    for (const [sessionID, damaged] of bySession(recoverable, ({ finding }) => finding.sessionID)) {
      if (sessionID === null) continue;
      const wanted = new Map<Wanted, ConfirmedFinding>(
        damaged.map(({ artifact, evidence, finding }) => [{ artifact, evidence }, finding]),
      );
      const usage = damaged.some(isSessionRow) ? await usageOf(store.conversations.messages(sessionID)) : null;
      const copies = copiesFromEvents([...wanted.keys()], store.eventLog?.events(sessionID) ?? [], {
        store: store.description,
        usage,
      });
      for (const [each, replacement] of copies) {
        const finding = wanted.get(each);
        if (finding !== undefined) remedied.set(finding, { ...finding, remedy: "recover", replacement });
      }
      for (const [each, finding] of wanted) {
        const row = remedied.has(finding) ? null : (store.importTrace?.importedRow(each.artifact) ?? null);
        const setting = { store: store.description, usage };
        const replacement = row === null ? null : await copyFromFile(nodeFileSystem, each, row, setting);
        if (replacement !== null) remedied.set(finding, { ...finding, remedy: "recover", replacement });
      }
      const left = damaged.filter(
        ({ finding, artifact: { locator } }) => isWholeRecord(locator) && !remedied.has(finding),
      );
      const names = await refusedNames(
        store,
        sessionID,
        left.map(({ artifact }) => artifact),
      );
      for (const { artifact, finding } of left) {
        const replacement = names.get(artifact.recordID ?? "");
        if (replacement !== undefined) remedied.set(finding, { ...finding, remedy: "recover", replacement });
      }
    }
    return examined.map((each) => remedied.get(each.finding) ?? completedOr(each));
  }
}

function completedOr({ finding, completed, evidence }: ExaminedFinding): ConfirmedFinding {
  const remedy = finding.remedy === "settle" ? "settle" : "normalise";
  if (completed !== null) return { ...finding, remedy, replacement: completed };
  if (isCopyThatMayLeave(finding, evidence)) return { ...finding, leavesIfNamed: true };
  if (isLastCopy(finding, evidence)) return { ...finding, advice: RESTORED_FROM_COPY };
  if (finding.remedy !== "normalise") return finding;
  const otherwise = { ...finding, remedy: faultByCode(finding.code)?.otherwise ?? "report" };
  return mayLeave(otherwise) ? { ...otherwise, leavesIfNamed: true } : otherwise;
}

/**
 * Whether a record that opencode refuses may be moved to quarantine if the user chooses this problem: a part, or a JSON
 * value of a session or project. One part of an unknown plugin can keep its whole session from opening, and one value of
 * a session the whole list. Files are not checked against a schema, so only database rows count.
 */
function mayLeave({ code, kind, locator, severity, seen }: ConfirmedFinding): boolean {
  if (code !== SCHEMA_MISMATCH.code || isFileLocator(locator) || severity !== "blocking" || seen === null) return false;
  return kind === "part" || ((kind === "session" || kind === "project") && locator.column !== undefined);
}

/**
 * Whether a file is a copy of a session that opencode lists but cannot open, and may be moved to quarantine. If the
 * original is gone, the copy stays.
 */
function isCopyThatMayLeave({ code, severity, seen }: ConfirmedFinding, { stray }: Evidence): boolean {
  if (code !== STRAY_FILE.code || severity !== "blocking" || seen === null || stray?.outcome !== "copy") return false;
  return stray.original.laterMs !== null;
}

const RESTORED_FROM_COPY =
  "The record itself is gone. `opencode-session-repair repair --only lost-session-record --only stray-file` restores the record from its copy, and moves the copy to quarantine.";

/** Whether a file is the copy of a session's record that no longer exists. */
function isLastCopy({ code, kind }: ConfirmedFinding, { stray }: Evidence): boolean {
  return code === STRAY_FILE.code && kind === "session" && stray?.outcome === "copy" && stray.original.laterMs === null;
}

/**
 * The state that opencode would have written if it had aborted the turn. The end time is the last sign of activity in
 * the turn.
 */
async function settled(store: Store, artifact: Artifact, evidence: Evidence): Promise<Replacement | null> {
  const { kind, recordID, sessionID } = artifact;
  const { updatedMs, bytes } = evidence;
  if (updatedMs === null || bytes === null || evidence.storage === "row") return null;
  const parsed = parseDocument({ bytes: Buffer.from(bytes), storage: evidence.storage });
  if (!parsed.ok) return null;
  const heardMs = kind === "message" ? await heardOf(store, sessionID, recordID, updatedMs) : updatedMs;
  const fields = (kind === "message" ? abortedAnswer : abortedTool)(
    parsed.value,
    Math.round(heardMs),
    store.description,
  );
  return fields === null ? null : { source: "the state that opencode writes on abort", content: { fields } };
}

/** When a message or one of its parts was last written, in milliseconds. */
async function heardOf(
  store: Store,
  sessionID: string | null,
  messageID: string | null,
  updatedMs: number,
): Promise<number> {
  if (sessionID === null) return updatedMs;
  for await (const message of store.conversations.messages(sessionID)) {
    if (message.messageID !== messageID) continue;
    return Math.max(updatedMs, ...message.parts.map((part) => part.updatedMs ?? part.timeMs ?? 0));
  }
  return updatedMs;
}

/**
 * Whether the record is a whole database row: a message, a part, or a session. A single JSON column of a session does
 * not count.
 */
function isWholeRecord(locator: Artifact["locator"]): boolean {
  return !isFileLocator(locator) && (locator.table !== "session" || locator.column === undefined);
}

/** Whether the record is the row of a session, and not just one of its JSON columns. */
function isSessionRow({ artifact: { kind, locator } }: ExaminedFinding): boolean {
  return kind === "session" && !isFileLocator(locator) && locator.column === undefined;
}

function isRecoverable({ finding: { kind, severity, seen, sessionID } }: ExaminedFinding): boolean {
  const isRecord = kind === "session" || kind === "message" || kind === "part";
  return isRecord && severity === "blocking" && seen !== null && sessionID !== null;
}
