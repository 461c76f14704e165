import type { StoreDescription } from "../model/store-description.ts";
import type { SourcePart, SourceRecord, SourceSession } from "../stores/source-session.ts";
import type { Departure } from "./departure.ts";
import { decoded } from "./import-contract.ts";
import type { DecodedMessage, DecodedRecord, ImportedMessage } from "./imported-message.ts";
import { type Projection, projected } from "./projected.ts";
import { unreadableReason } from "./readable.ts";
import { sessionOutcomes } from "./session-outcomes.ts";

export interface SessionOutcomes {
  readonly sessionID: string;
  readonly departures: readonly Departure[];
  /** The messages that opencode 2.x has after the import, in their order. */
  readonly messages: readonly ImportedMessage[];
}

/**
 * A document larger than this may make the import run out of memory. Users reported that for a document of 279 MB
 * (#50076, #50339).
 */
const OVERSIZED_BYTES = 64 * 1024 * 1024;

const OVERSIZED = "larger than 64 MB: 2.x may run out of memory on it, and then the import stops";

const BEFORE_USAGE =
  "no JSON parser reads it: 2.x does not start, because its migration session_usage reads every message";

/**
 * Predicts row by row what the import of opencode 2.x makes of one session. A pure function. The rules are from the
 * source of 2.0.26, `core/src/database/v1-migration.bun.ts`. `test/upgrade/import-cases.ts` compares them with the real
 * importer.
 */
export function importOutcomes(session: SourceSession, store: StoreDescription): SessionOutcomes {
  const departures: Departure[] = [...sessionOutcomes(session, store)];
  const add = (kind: "message" | "part", { id }: SourceRecord, rest: Omit<Departure, "kind" | "recordID">) =>
    departures.push({ kind, recordID: id, ...rest });
  const lost = (kind: "message" | "part", record: SourceRecord, reason: string) =>
    add(kind, record, { outcome: "dropped", reason, isByDesign: false });
  const decodedMessages: DecodedMessage[] = [];
  const byMessage = new Map<string, SourcePart[]>();
  for (const part of session.parts) {
    const beside = byMessage.get(part.messageID);
    if (beside === undefined) byMessage.set(part.messageID, [part]);
    else beside.push(part);
  }
  const own = new Set(session.messages.map(({ id }) => id));
  for (const part of session.parts) {
    if (own.has(part.messageID) || part.sessionID !== session.id || part.hasMessage) continue;
    lost("part", part, "its message is not there");
  }
  for (const message of session.messages.toSorted(byTimeAndID)) {
    const parts = byMessage.get(message.id) ?? [];
    const answer = message.bytes > OVERSIZED_BYTES ? null : decoded("message", message, session.id, store);
    if (answer?.ok) {
      decodedMessages.push({ record: message, value: answer.value, parts: decodedParts(parts, session, store, add) });
      continue;
    }
    const isUnparsed = session.isBeforeUsage && message.document?.ok === false;
    if (answer === null) add("message", message, { outcome: "stops", reason: OVERSIZED, isByDesign: false });
    else if (isUnparsed) add("message", message, { outcome: "stops", reason: BEFORE_USAGE, isByDesign: false });
    else lost("message", message, answer.why);
    for (const part of parts) lost("part", part, "its message does not arrive");
  }
  const messages: ImportedMessage[] = [];
  for (const [index, projection] of projected(decodedMessages).entries()) {
    const source = decodedMessages[index];
    if (source !== undefined) departures.push(...departuresOf(source, projection));
    messages.push(...projection.messages);
  }
  return { sessionID: session.id, departures, messages };
}

/** The order in which the import reads messages: by time, then by id in the order of `localeCompare`. */
function byTimeAndID(one: SourceRecord, other: SourceRecord): number {
  return Number(one.created) - Number(other.created) || one.id.localeCompare(other.id);
}

type Add = (kind: "part", record: SourceRecord, rest: Omit<Departure, "kind" | "recordID">) => unknown;

function decodedParts(
  parts: readonly SourcePart[],
  session: SourceSession,
  store: StoreDescription,
  add: Add,
): DecodedRecord[] {
  const found: DecodedRecord[] = [];
  for (const part of parts) {
    if (part.sessionID !== session.id) {
      const reason = "its row names another session than its message";
      add("part", part, { outcome: "dropped", reason, isByDesign: false, only: "part-session" });
      continue;
    }
    if (part.bytes > OVERSIZED_BYTES) {
      add("part", part, { outcome: "stops", reason: OVERSIZED, isByDesign: false });
      continue;
    }
    const answer = decoded("part", part, session.id, store);
    if (answer.ok) found.push({ record: part, value: answer.value });
    else add("part", part, { outcome: "dropped", reason: answer.why, isByDesign: false });
  }
  return found.sort((one, other) => one.record.id.localeCompare(other.record.id));
}

function departuresOf({ record }: DecodedMessage, { messages, differences }: Projection): Departure[] {
  const found = differences.map(({ record: { id }, kind, outcome, reason, isByDesign }): Departure => {
    const only = kind === "part" && outcome === "stops" ? ({ only: "data-url" } as const) : {};
    return { kind, recordID: id, outcome, reason, isByDesign, ...only };
  });
  if (found.some(({ outcome }) => outcome === "stops")) return found;
  for (const message of messages) {
    const reason = unreadableReason(message);
    if (reason === null) continue;
    const only = !record.id.startsWith("msg_") ? "message-id" : reason.includes("row") ? "message-time" : null;
    found.push({
      ...{ kind: "message", recordID: record.id, outcome: "unreadable", reason, isByDesign: false },
      ...(only !== null && { only }),
    });
    break;
  }
  return found;
}
