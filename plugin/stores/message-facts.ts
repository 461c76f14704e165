import { errnoCode } from "../platform/file-system.ts";
import { numberIn, parseDocument, type StoredDocument, type StoredMessage, textIn } from "./conversation.ts";
import type { MessageFacts, PartFacts, SessionOutline, TokenFacts } from "./outline.ts";

/**
 * A summary of a session of files. The JSON store has no such summary, because only the terminal UI requires values
 * that follow from neighbouring records.
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
    // If a folder may not be read, the neighbours give no facts.
    if (errnoCode(error) === null) throw error;
    return { messages: [], messageOf: () => null, partsOf: () => [] };
  }
  const messageOf = (partID: string) =>
    [...parts].find(([, each]) => each.some(({ id }) => id === partID))?.[0] ?? null;
  return { messages: facts, messageOf, partsOf: (messageID) => parts.get(messageID) ?? [] };
}

/**
 * The time in an id, in milliseconds. Ids count 1/4096 of milliseconds in 48 bits and start over every 2^36 ms. The
 * time nearest to `nearMs` is returned.
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
 * The time at which a message was made: by its row, or otherwise by its id and the times of its parts; `null` if
 * nothing shows it.
 */
export function madeMs(messageID: string, { document, parts }: StoredMessage): number | null {
  // The time of a file is the time of its last write.
  if (document !== null && document.storage !== "file" && isTime(document.timeMs)) return document.timeMs;
  const [first] = parts.flatMap(({ timeMs }) => (isTime(timeMs) ? [Math.floor(timeMs)] : [])).sort((a, b) => a - b);
  if (first === undefined) return null;
  const told = timeOfID(messageID, first);
  const isFile = parts.some(({ storage }) => storage === "file");
  // The host's clock sets the time of a row. Ids that other programs made contain no time.
  return told !== null && (isFile || Math.abs(told - first) < HOUR_MS) ? told : first;
}

function isTime(value: number | null): value is number {
  return value !== null && value >= 0;
}

/** Compares messages in the order of opencode. */
export function byTime(a: MessageFacts, b: MessageFacts): number {
  const [of, to] = [a.createdMs ?? a.rowMs ?? 0, b.createdMs ?? b.rowMs ?? 0];
  return of - to || (a.id < b.id ? -1 : 1);
}

/** The facts that a message states about itself. */
export function factsOf({ messageID, document }: Pick<StoredMessage, "messageID" | "document">): MessageFacts {
  const parsed = document === null ? null : parseDocument(document);
  const rowMs = document?.storage === "file" ? null : (document?.timeMs ?? null);
  return factsIn(messageID, rowMs, parsed?.ok === true ? parsed.value : null);
}

/** The facts that a message will state about itself after it gets this document. */
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

/** The facts that a part states about itself. */
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
