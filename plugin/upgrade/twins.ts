import { isFields, textIn } from "../stores/conversation.ts";
import type { SourceRecord, SourceSession } from "../stores/source-session.ts";
import type { ImportState, TwinMessages } from "../stores/sqlite/twin-rows.ts";
import type { ImportedMessage } from "./imported-message.ts";
import type { SessionOutcomes } from "./outcomes.ts";

/**
 * Why an upgraded database has data of a session only in its tables of opencode 1.x:
 *
 * - `never-arrived`: opencode 2.x does not have the session.
 * - `arrived-with-losses`: opencode 2.x has the session without some of its messages or parts.
 * - `continued`: the session was continued in 1.x after the import. opencode 2.x never imports again.
 */
export type MissingCause = "never-arrived" | "arrived-with-losses" | "continued";

export interface MissingTwin {
  readonly kind: "message" | "part";
  readonly recordID: string;
  /** The reason in words. It contains nothing of the record's content. */
  readonly why: string;
}

export interface MissingIn2x {
  readonly cause: MissingCause;
  readonly sessionID: string;
  readonly why: string;
  readonly messages: number;
  readonly parts: number;
  /** The messages and parts of this session that opencode 2.x lacks; empty if it does not have the session at all. */
  readonly missing: readonly MissingTwin[];
}

/** Describes a session that opencode 2.x does not have at all, and why. */
export function neverArrived(session: SourceSession, { phase, cursor, writtenMs }: ImportState): MissingIn2x {
  const isBehind = phase === "sessions" && (cursor === null || session.id < cursor);
  const isNewer = writtenMs !== null && numberOf(session.row.time_created) > writtenMs;
  const why = isBehind
    ? "the import stopped before this session, or still runs"
    : isNewer
      ? "opencode 1.x created the session after the import, and 2.x never imports again"
      : "the session was not imported, or was deleted later in opencode 2.x";
  return {
    ...{ cause: "never-arrived", sessionID: session.id, why, missing: [] },
    ...{ messages: session.messages.length, parts: session.parts.length },
  };
}

/**
 * Finds the messages and parts of a session that opencode 2.x lacks, although it has the session. The tables of 1.x and
 * 2.x are compared message by message, and then part by part. Records that 2.x leaves out by design are not reported. A
 * pure function.
 */
export function comparedWithTwin(
  session: SourceSession,
  { departures, messages }: SessionOutcomes,
  twin: TwinMessages,
  { writtenMs }: ImportState,
): MissingIn2x[] {
  const refused = new Map(departures.map((each) => [`${each.kind} ${each.recordID}`, each]));
  const expected = new Map(messages.map((message) => [message.id, message]));
  const isLater = ({ created }: SourceRecord) => writtenMs !== null && numberOf(created) > writtenMs;
  const lost: MissingTwin[] = [];
  const later: MissingTwin[] = [];
  const gone = new Set<string>();
  const note = (kind: MissingTwin["kind"], record: SourceRecord) => {
    const why = refused.get(`${kind} ${record.id}`)?.reason;
    if (isLater(record)) later.push({ kind, recordID: record.id, why: "1.x wrote it after the import" });
    else lost.push({ kind, recordID: record.id, why: why === undefined ? SINCE : `the import leaves it out: ${why}` });
  };
  for (const message of session.messages) {
    const departure = refused.get(`message ${message.id}`);
    const isLeftOut = departure === undefined ? !expected.has(message.id) : departure.isByDesign;
    if (twin.has(message.id) || (isLeftOut && !expected.has(message.id))) continue;
    gone.add(message.id);
    note("message", message);
  }
  for (const part of session.parts) {
    if (gone.has(part.messageID)) {
      note("part", part);
      continue;
    }
    const departure = refused.get(`part ${part.id}`);
    if (departure?.isByDesign === true || !twin.has(part.messageID)) continue;
    const isHeld = departure?.outcome === "dropped" ? false : holds(twin.get(part.messageID), part, expected);
    if (!isHeld) note("part", part);
  }
  const found: MissingIn2x[] = [];
  if (lost.length > 0)
    found.push(counted("arrived-with-losses", session.id, lost, "opencode 2.x lacks a part of the session"));
  if (later.length > 0)
    found.push(counted("continued", session.id, later, "opencode 1.x continued the session after the import"));
  return found;
}

const SINCE = "2.x does not have it: it was undone in 2.x, or repaired in 1.x after the import";

function counted(cause: MissingCause, sessionID: string, missing: MissingTwin[], why: string): MissingIn2x {
  const of = (kind: MissingTwin["kind"]) => missing.filter((each) => each.kind === kind).length;
  return { cause, sessionID, why, messages: of("message"), parts: of("part"), missing };
}

/**
 * Whether a message of opencode 2.x has the content of a part of 1.x. `true` also for content that 2.x leaves out by
 * design.
 */
function holds(
  data: unknown,
  { messageID, document }: SourceRecord,
  expected: ReadonlyMap<string, ImportedMessage>,
): boolean {
  const value = document?.ok === true ? document.value : null;
  // If the message of 2.x cannot be read, another check reports the message. So this check assumes that the message has
  // the part.
  if (!isFields(data) || !isFields(value)) return true;
  if (expected.get(messageID)?.type !== "assistant" || !Array.isArray(data.content)) return true;
  const content = data.content.filter(isFields);
  switch (value.type) {
    case "text":
    case "reasoning":
      return content.some((item) => item.type === value.type && item.text === textIn(value, "text"));
    case "tool":
      return content.some((item) => item.type === "tool" && item.id === value.callID);
    default:
      return true;
  }
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : Number.NEGATIVE_INFINITY;
}
