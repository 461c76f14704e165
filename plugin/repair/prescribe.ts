import { copiesFromEvents, type Wanted } from "../recovery/from-events.ts";
import { usageOf } from "../recovery/usage.ts";
import { abortedAnswer, abortedTool } from "../settle/aborted.ts";
import type { Artifact, Evidence } from "../stores/artifact.ts";
import { isFileLocator } from "../stores/artifact.ts";
import { parseDocument } from "../stores/conversation.ts";
import type { Store } from "../stores/store.ts";
import type { ConfirmedFinding } from "./finding.ts";

/** A finding with the evidence that it rests on. */
export interface ExaminedFinding {
  /** As its place states it. */
  readonly artifact: Artifact;
  readonly evidence: Evidence;
  readonly finding: ConfirmedFinding;
}

/**
 * Looks for something better than what the catalogue says of a fault: a copy that opencode itself has kept of the very
 * record takes its place. Reads only.
 */
export async function prescribe(store: Store, examined: readonly ExaminedFinding[]): Promise<ConfirmedFinding[]> {
  const recoverable = examined.filter(isRecoverable);
  const remedied = new Map<ConfirmedFinding, ConfirmedFinding>();
  for (const sessionID of new Set(recoverable.map(({ finding }) => finding.sessionID))) {
    if (sessionID === null) continue;
    const damaged = recoverable.filter(({ finding }) => finding.sessionID === sessionID);
    const wanted = new Map<Wanted, ConfirmedFinding>(
      damaged.map(({ artifact, evidence, finding }) => [{ artifact, evidence }, finding]),
    );
    const usage = damaged.some(isSessionRow) ? await usageOf(store.messages(sessionID)) : null;
    const copies = copiesFromEvents([...wanted.keys()], store.events(sessionID), { store: store.description, usage });
    for (const [each, replacement] of copies) {
      const finding = wanted.get(each);
      if (finding !== undefined) remedied.set(finding, { ...finding, remedy: "recover", replacement });
    }
  }
  for (const unfinished of examined.filter(({ finding }) => finding.remedy === "settle")) {
    remedied.set(unfinished.finding, await settled(store, unfinished));
  }
  return examined.map(({ finding }) => remedied.get(finding) ?? finding);
}

/** What opencode would have written had it ended the turn; the turn counts as ended when it was last heard of. */
async function settled(store: Store, { artifact, evidence, finding }: ExaminedFinding): Promise<ConfirmedFinding> {
  const { kind, recordID, sessionID } = artifact;
  const { updatedMs, bytes } = evidence;
  if (updatedMs === null || bytes === null || evidence.storage === "row") return finding;
  const parsed = parseDocument({ bytes: Buffer.from(bytes), storage: evidence.storage });
  if (!parsed.ok) return finding;
  const heardMs = kind === "message" ? await heardOf(store, sessionID, recordID, updatedMs) : updatedMs;
  const fields = (kind === "message" ? abortedAnswer : abortedTool)(
    parsed.value,
    Math.round(heardMs),
    store.description,
  );
  if (fields === null) return finding;
  return { ...finding, replacement: { source: "the state that opencode writes on abort", content: { fields } } };
}

/** When anything of a message was last written, in milliseconds. */
async function heardOf(
  store: Store,
  sessionID: string | null,
  messageID: string | null,
  updatedMs: number,
): Promise<number> {
  if (sessionID === null) return updatedMs;
  for await (const message of store.messages(sessionID)) {
    if (message.messageID !== messageID) continue;
    return Math.max(updatedMs, ...message.parts.map((part) => part.updatedMs ?? part.timeMs ?? 0));
  }
  return updatedMs;
}

/** A session's row apart from its JSON values. */
function isSessionRow({ artifact: { kind, locator } }: ExaminedFinding): boolean {
  return kind === "session" && !isFileLocator(locator) && locator.column === undefined;
}

function isRecoverable({ finding: { kind, severity, seen, sessionID } }: ExaminedFinding): boolean {
  const isRecord = kind === "session" || kind === "message" || kind === "part";
  return isRecord && severity === "blocking" && seen !== null && sessionID !== null;
}
