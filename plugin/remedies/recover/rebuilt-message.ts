import type { Artifact, Evidence } from "../../model/artifact.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import { wholeMembers } from "../../records/cut-document.ts";
import { withFields } from "../../records/fields.ts";
import { textBeginning } from "../../records/file-text.ts";
import {
  type Fields,
  isFields,
  numberIn,
  parseDocument,
  type SessionColumns,
  type StoredDocument,
  type StoredMessage,
  textIn,
} from "../../stores/conversation.ts";
import { byTime, factsOf, madeMs, partFacts } from "../../stores/message-facts.ts";
import type { MessageFacts, SessionOutline } from "../../stores/outline.ts";
import { Neighbours } from "../complete/neighbours.ts";
import { normalised } from "../complete/normalise.ts";

/** A message made anew: its document without ids, and when it was made, in milliseconds. */
export interface RebuiltMessage {
  readonly document: Fields;
  readonly createdMs: number;
}

/** What a message hangs in. */
export interface SessionFrame {
  /** In the order of {@link byTime}; that of the message itself may be among them. */
  readonly messages: readonly MessageFacts[];
  readonly columns: SessionColumns;
}

/** The types of parts that only one of the two writes. */
const OF_ASSISTANTS = ["reasoning", "tool", "step-start", "step-finish", "patch", "snapshot", "retry"];
const OF_USERS = ["file", "agent", "subtask", "compaction"];

/** What every opencode loads: the contract of the newest known one. */
const NEWEST: StoreDescription = {
  generation: "sqlite",
  dataDir: "",
  contract: "strict",
  hostVersion: null,
  sessionDiffReader: null,
};

/**
 * A message of which nothing can be read but its parts: its role from their types or from its neighbours, its time from
 * its row or its id, what the legible beginning of its document says, and all else by the rules by which records are
 * completed. `null` where no part can be read, or anything that opencode demands does not follow.
 */
export function rebuiltMessage(
  own: StoredMessage,
  sessionID: string,
  { messages, columns }: SessionFrame,
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
  const neighbours = new Neighbours(outline, columns);
  const begun: Fields =
    role === "assistant" ? { role, ...ended(parts, createdMs) } : { role, time: { created: createdMs } };
  const time = { ...inside(begun.time), ...inside(said.time) };
  for (const draft of [{ ...begun, ...said, role, time }, begun]) {
    const document = completed(messageID, sessionID, draft, neighbours);
    if (document !== null) return { document, createdMs };
  }
  return null;
}

function completed(messageID: string, sessionID: string, draft: Fields, neighbours: Neighbours): Fields | null {
  const artifact: Artifact = {
    kind: "message",
    sessionID,
    recordID: messageID,
    locator: { table: "message", key: { id: messageID }, column: "data" },
  };
  const bytes = Buffer.from(JSON.stringify(draft));
  const evidence: Evidence = {
    storage: "text",
    size: bytes.length,
    bytes,
    shape: null,
    sha256: null,
    row: null,
    stray: null,
    ioError: null,
    mtimeMs: null,
    position: null,
    siblings: null,
    updatedMs: null,
    reachable: true,
    sessionID,
  };
  const replacement = normalised(artifact, evidence, neighbours, NEWEST);
  if (replacement === null || !("fields" in replacement.content)) return null;
  const document = withFields(draft, replacement.content.fields)?.value;
  return isFields(document) ? document : null;
}

/** How an answer ended, as its parts state it: nobody works on it any more. */
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

/** What can be read of the beginning of a damaged document. */
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
