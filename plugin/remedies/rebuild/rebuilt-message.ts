import { wholeMembers } from "../../records/cut-document.ts";
import { textBeginning } from "../../records/file-text.ts";
import {
  type Fields,
  isFields,
  numberIn,
  parseDocument,
  type StoredDocument,
  type StoredMessage,
  textIn,
} from "../../stores/conversation.ts";
import { byTime, factsOf, madeMs, partFacts } from "../../stores/message-facts.ts";
import type { MessageFacts, SessionOutline } from "../../stores/outline.ts";

/** A rebuilt message: its JSON document without ids, and the time at which the message was created, in milliseconds. */
export interface RebuiltMessage {
  readonly document: Fields;
  readonly createdMs: number;
}

/**
 * Adds every value that any opencode version requires to the draft of a message. Returns `null` if a required value
 * cannot be derived. `outline` is a summary of the session, including this message.
 */
export type CompleteDraft = (draft: Fields, outline: SessionOutline) => Fields | null;

/** The types of parts that only an assistant writes, and the types that only a user writes. */
const OF_ASSISTANTS = ["reasoning", "tool", "step-start", "step-finish", "patch", "snapshot", "retry"];
const OF_USERS = ["file", "agent", "subtask", "compaction"];

/**
 * Rebuilds a message when only its parts can be read. The role comes from the types of the parts, or from the messages
 * before and after. The time comes from the row or the id. The readable beginning of the old document is kept, and
 * `complete` adds the rest.
 * `messages` are the messages of the session in the order of {@link byTime}. Returns `null` if no part can be read, or
 * if a required value cannot be derived.
 */
export function rebuiltMessage(
  own: StoredMessage,
  messages: readonly MessageFacts[],
  complete: CompleteDraft,
): RebuiltMessage | null {
  const { messageID } = own;
  const parts = own.parts.flatMap((part) => readable(part));
  const createdMs = parts.length === 0 ? null : madeMs(messageID, own);
  if (createdMs === null) return null;
  const said = legible(own.document);
  const place: MessageFacts = { ...factsOf(own), rowMs: createdMs };
  const others = messages.filter(({ id }) => id !== messageID);
  const after = others.findIndex((each) => byTime(place, each) < 0);
  const inOrder = others.toSpliced(after < 0 ? others.length : after, 0, place);
  const role = textIn(said, "role") ?? roleOf(messageID, parts, inOrder);
  if (role !== "user" && role !== "assistant") return null;
  const outline: SessionOutline = {
    messages: inOrder.map((message) => (message.id === messageID ? { ...message, role } : message)),
    messageOf: () => messageID,
    partsOf: (id) => (id === messageID ? own.parts.map(partFacts) : []),
  };
  const begun: Fields =
    role === "assistant" ? { role, ...ended(parts, createdMs) } : { role, time: { created: createdMs } };
  const time = { ...inside(begun.time), ...inside(said.time) };
  for (const draft of [{ ...begun, ...said, role, time }, begun]) {
    const document = complete(draft, outline);
    if (document !== null) return { document, createdMs };
  }
  return null;
}

/**
 * The end time and finish reason of an answer, taken from its parts. The answer gets an end because no process will
 * continue it.
 */
function ended(parts: readonly Fields[], createdMs: number): Fields {
  const finish = textIn(
    parts.findLast(({ type }) => type === "step-finish"),
    "reason",
  );
  const ends = parts.map((part) => numberIn(part, "time", "end") ?? numberIn(part, "state", "time", "end") ?? 0);
  const completed = Math.floor(Math.max(createdMs, ...ends));
  return { time: { created: createdMs, completed }, ...(finish === null ? {} : { finish }) };
}

function inside(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The complete fields in the readable beginning of a damaged document. */
function legible(document: StoredDocument | null): Fields {
  if (document?.bytes == null) return {};
  const { id: _id, sessionID: _sessionID, ...said } = wholeMembers(textBeginning(document.bytes));
  return said;
}

function readable(part: StoredDocument): Fields[] {
  const parsed = parseDocument(part);
  return parsed.ok && isFields(parsed.value) && typeof parsed.value.type === "string" ? [parsed.value] : [];
}

function roleOf(messageID: string, parts: readonly Fields[], inOrder: readonly MessageFacts[]): string | null {
  const types = parts.map(({ type }) => String(type));
  if (types.some((type) => OF_ASSISTANTS.includes(type))) return "assistant";
  if (types.some((type) => OF_USERS.includes(type)) || parts.some(({ synthetic }) => synthetic === true)) return "user";
  if (inOrder.some(({ parentID }) => parentID === messageID)) return "user";
  const index = inOrder.findIndex(({ id }) => id === messageID);
  const [before, after] = [inOrder[index - 1]?.role, inOrder[index + 1]?.role];
  if (before === "user" && after !== "assistant") return "assistant";
  return before === "assistant" || index === 0 ? "user" : null;
}
