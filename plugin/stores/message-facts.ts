import { errnoCode } from "../platform/file-system.ts";
import { numberIn, parseDocument, type StoredDocument, type StoredMessage, textIn } from "./conversation.ts";
import type { MessageFacts, PartFacts, SessionOutline, TokenFacts } from "./outline.ts";

/**
 * A summary of a session in JSON files, made only when it is needed. These versions of opencode require almost nothing
 * of a record. Only their terminal UI needs values that can be derived from neighbouring records.
 */
export async function outlineOf(messages: AsyncIterable<StoredMessage>): Promise<SessionOutline> {
  const facts: MessageFacts[] = [];
  const parts = new Map<string, readonly PartFacts[]>();
  try {
    for await (const message of messages) {
      if (message.document === null) continue;
      facts.push({ ...factsOf(message), rowMs: madeMs(message.messageID, message) });
      parts.set(message.messageID, message.parts.map(partFacts));
    }
  } catch (error) {
    // If a folder may not be read, the summary is empty, because an incomplete summary could be misleading.
    if (errnoCode(error) === null) throw error;
    return { messages: [], messageOf: () => null, partsOf: () => [] };
  }
  const messageOf = (partID: string) =>
    [...parts].find(([, each]) => each.some(({ id }) => id === partID))?.[0] ?? null;
  return { messages: facts, messageOf, partsOf: (messageID) => parts.get(messageID) ?? [] };
}

/**
 * The time in the id of a message, in milliseconds. Ids count 1/4096 of a millisecond in 48 bits, so the counter starts
 * over every 2^36 ms. Of all times that fit, the one nearest to `nearMs` is returned.
 */
function timeOfID(id: string, nearMs: number): number | null {
  const digits = /^msg_([0-9a-f]{12})/.exec(id)?.[1];
  if (digits === undefined) return null;
  const turn = 2 ** 36;
  const within = Math.floor(Number.parseInt(digits, 16) / 4096);
  return within + turn * Math.round((nearMs - within) / turn);
}

const HOUR_MS = 60 * 60 * 1000;

/**
 * The time at which a message was made. This is the time of its row, otherwise the time in its id or the time of its
 * first part. `null` if nothing shows the time.
 */
export function madeMs(messageID: string, { document, parts }: StoredMessage): number | null {
  // The time of a file is that of its last write. So for a file, the message's id and parts show when the message was
  // made.
  if (document !== null && document.storage !== "file" && isTime(document.timeMs)) return document.timeMs;
  const [first] = parts.flatMap(({ timeMs }) => (isTime(timeMs) ? [Math.floor(timeMs)] : [])).sort((a, b) => a - b);
  if (first === undefined) return null;
  const told = timeOfID(messageID, first);
  const isFile = parts.some(({ storage }) => storage === "file");
  // An id that another program made contains no real time. So if the times of the part rows are far from the time in
  // the id, the rows' time is used.
  return told !== null && (isFile || Math.abs(told - first) < HOUR_MS) ? told : first;
}

function isTime(value: number | null): value is number {
  return value !== null && value >= 0;
}

/** Compares two messages in the order in which opencode shows them. */
export function byTime(a: MessageFacts, b: MessageFacts): number {
  const [of, to] = [a.createdMs ?? a.rowMs ?? 0, b.createdMs ?? b.rowMs ?? 0];
  return of - to || (a.id < b.id ? -1 : 1);
}

/** What the document of a message says about the message. */
export function factsOf({ messageID, document }: Pick<StoredMessage, "messageID" | "document">): MessageFacts {
  const parsed = document === null ? null : parseDocument(document);
  const rowMs = document?.storage === "file" ? null : (document?.timeMs ?? null);
  return factsIn(messageID, rowMs, parsed?.ok === true ? parsed.value : null);
}

/**
 * What a message says about itself, if `said` is the parsed document of the message. The document may be the result of
 * a repair.
 */
export function factsIn(id: string, rowMs: number | null, said: unknown): MessageFacts {
  return {
    id,
    rowMs,
    role: textIn(said, "role"),
    agent: textIn(said, "agent"),
    mode: textIn(said, "mode"),
    parentID: textIn(said, "parentID"),
    providerID: textIn(said, "providerID") ?? textIn(said, "model", "providerID"),
    modelID: textIn(said, "modelID") ?? textIn(said, "model", "modelID"),
    cwd: textIn(said, "path", "cwd"),
    root: textIn(said, "path", "root"),
    createdMs: numberIn(said, "time", "created"),
    completedMs: numberIn(said, "time", "completed"),
    finish: textIn(said, "finish"),
    cost: numberIn(said, "cost"),
    tokens: tokenFacts(said),
  };
}

/** What the document of a part says about the part. */
export function partFacts(part: StoredDocument): PartFacts {
  const parsed = parseDocument(part);
  const said = parsed.ok ? parsed.value : null;
  return { id: part.recordID, type: textIn(said, "type"), cost: numberIn(said, "cost"), tokens: tokenFacts(said) };
}

function tokenFacts(said: unknown): TokenFacts {
  return {
    input: numberIn(said, "tokens", "input"),
    output: numberIn(said, "tokens", "output"),
    reasoning: numberIn(said, "tokens", "reasoning"),
    read: numberIn(said, "tokens", "cache", "read"),
    write: numberIn(said, "tokens", "cache", "write"),
  };
}
