import { faultByCode } from "../faults/catalogue.ts";
import { type Locator, locatorText } from "../model/artifact.ts";
import { cutDocument } from "../records/cut-document.ts";
import { textBeginning } from "../records/file-text.ts";
import { type LongText, type LongTexts, longTextAt } from "../records/long-document.ts";
import {
  isFields,
  numberIn,
  parseDocument,
  type StoredDocument,
  type StoredMessage,
  textIn,
  valueIn,
} from "../stores/conversation.ts";
import { addedText, COMPACTED, endedWith, firstLine, firstText } from "./entry-text.ts";

/** A known problem of a record. */
export interface KnownFault {
  readonly code: string;
  readonly evidence: string;
  readonly locator: Locator;
}

/** A record that should exist, but cannot be read, or can be read only in part. */
export interface Hole {
  readonly type: "hole";
  readonly kind: "message" | "part";
  readonly recordID: string;
  /** A path below the data directory, or a table with a key. `null` if the record does not exist. */
  readonly where: string | null;
  /** The code of the problem in the catalogue; `null` if the catalogue does not have it. */
  readonly code: string | null;
  readonly why: string;
  /** Size of the record in bytes. */
  readonly bytes: number;
  /** The run that moved the record to quarantine; `null` if the record is in its place. */
  readonly runID: string | null;
}

/** The known facts about a document that was read from quarantine. */
export interface Quarantined {
  readonly runID: string;
  /** Whether the record is healthy, and was quarantined only together with its message. */
  readonly isHealthy: boolean;
  readonly code: string;
  readonly evidence: string;
}

interface TextSize {
  readonly lines: number;
  readonly bytes: number;
}

export interface ToolCall {
  readonly type: "tool";
  readonly tool: string;
  readonly status: string;
  /** The call in one line: its title, or else the first text among its arguments. */
  readonly summary: string;
  /** `changed`: the output was changed after its beginning was read. */
  readonly output: TextSize | "changed" | null;
  readonly error: string | null;
  readonly durationMs: number | null;
  /** The whole part, as it is stored. */
  readonly part: unknown;
}

/** One entry of a session, in the order in which opencode shows it. */
export type Entry =
  /** `long`: the whole text, if only its beginning is in memory. */
  | { readonly type: "text" | "reasoning"; readonly text: string; readonly long?: LongText }
  /** `part`: the stored part to which the note belongs. */
  | { readonly type: "note"; readonly text: string; readonly part: unknown }
  | ToolCall
  | Hole;

export interface TranscriptMessage {
  readonly messageID: string;
  /** The author of the message, such as `user`; `null` if the message cannot be read. */
  readonly role: string | null;
  /** Milliseconds since the epoch. */
  readonly timeMs: number | null;
  readonly agent: string | null;
  readonly model: string | null;
  readonly entries: readonly Entry[];
  /** The stored record of the message and its parts, as far as they can be read. */
  readonly info: unknown;
  readonly parts: readonly unknown[];
  /** The texts of which `info` or one of the `parts` holds only the beginning, by that record. */
  readonly long?: ReadonlyMap<unknown, LongTexts>;
}

/** The readable content of one stored message. Unreadable parts become holes. A pure function. */
export function transcribe(
  message: StoredMessage,
  faults: ReadonlyMap<string, KnownFault>,
  quarantined: ReadonlyMap<StoredDocument, Quarantined>,
  seen: ReadonlySet<string>,
): TranscriptMessage {
  const { document, messageID } = message;
  const entries: Entry[] = [];
  const parts: unknown[] = [];
  const known = { faults, quarantined };
  const long = new Map<unknown, LongTexts>();
  const own = document === null ? null : readingOf(document);
  const info = own?.value;
  if (document === null || own === null) entries.push(absent(messageID, "only parts are left of this message"));
  else entries.push(...holesIn("message", document, own.isWhole, known));
  const answered = textIn(info, "parentID");
  if (answered !== null && !seen.has(answered))
    entries.push(absent(answered, "the message that is answered here is missing"));
  for (const { long: cut } of [...(document === null ? [] : [document]), ...message.parts]) {
    if (cut !== undefined && cut.texts.size > 0) long.set(cut.value, cut.texts);
  }
  for (const part of message.parts) {
    const { value, isWhole } = readingOf(part);
    if (value !== undefined) {
      parts.push(value);
      entries.push(...entriesOf(value, part.long?.texts));
    }
    entries.push(...holesIn("part", part, isWhole, known));
  }
  entries.push(...errorOf(info));
  return {
    messageID,
    role: textIn(info, "role"),
    timeMs: numberIn(info, "time", "created") ?? document?.timeMs ?? null,
    agent: textIn(info, "agent") ?? textIn(info, "mode"),
    model: textIn(info, "modelID") ?? textIn(info, "model", "modelID"),
    entries,
    info: info ?? null,
    parts,
    ...(long.size > 0 && { long }),
  };
}

function absent(recordID: string, why: string): Hole {
  return { type: "hole", kind: "message", recordID, where: null, code: null, why, bytes: 0, runID: null };
}

/** The readable content of a document. */
interface DocumentReading {
  /** The whole value, or the readable beginning of it; `undefined` if nothing can be read. */
  readonly value: unknown;
  /** Whether the whole document can be read. */
  readonly isWhole: boolean;
}

function readingOf(document: StoredDocument): DocumentReading {
  const parsed = parseDocument(document);
  if (parsed.ok) return { value: parsed.value, isWhole: isFields(parsed.value) };
  const value = document.bytes === null ? undefined : cutDocument(textBeginning(document.bytes));
  return { value, isWhole: false };
}

/**
 * The readable text of a message or part, for a list or a question: its text, its call, or its title. `null` if nothing
 * can be read.
 */
export function readableText(document: StoredDocument): string | null {
  const { value } = readingOf(document);
  if (value === undefined) return null;
  for (const entry of entriesOf(value)) {
    if (entry.type === "tool") return `${entry.tool}: ${entry.summary}`;
    if (entry.type !== "hole" && entry.text !== "") return entry.text;
  }
  const role = textIn(value, "role");
  return role === null ? null : `a message of the ${role}`;
}

interface KnownProblems {
  readonly faults: ReadonlyMap<string, KnownFault>;
  readonly quarantined: ReadonlyMap<StoredDocument, Quarantined>;
}

function holesIn(
  kind: Hole["kind"],
  document: StoredDocument,
  isWhole: boolean,
  { faults, quarantined }: KnownProblems,
): Hole[] {
  const { recordID, locator, size: bytes } = document;
  const where = locatorText(locator);
  const moved = quarantined.get(document);
  if (moved?.isHealthy === true) return [];
  const fault = moved ?? faults.get(where);
  if (fault === undefined && isWhole) return [];
  const title = fault === undefined ? null : (faultByCode(fault.code)?.title ?? fault.code);
  const why = title === null ? "cannot be read" : `${title} (${fault?.evidence})`;
  const code = fault?.code ?? null;
  return [{ type: "hole", kind, recordID, where, code, why, bytes, runID: moved?.runID ?? null }];
}

function entriesOf(part: unknown, texts: LongTexts = NO_LONG_TEXTS): Entry[] {
  const note = (text: string): Entry[] => [{ type: "note", text, part }];
  switch (textIn(part, "type")) {
    case "text":
    case "reasoning": {
      const text = textIn(part, "text") ?? "";
      // opencode itself adds text to a user's message, such as the content of attached files and reminders.
      if (valueIn(part, "synthetic") === true) return note(addedText(text));
      const long = longTextAt(texts, "text");
      const type = textIn(part, "type") === "text" ? "text" : "reasoning";
      return text === "" ? [] : [{ type, text, ...(long && { long }) }];
    }
    case "tool":
      return [toolCall(part, texts)];
    case "file":
      return note(`file ${textIn(part, "filename") ?? ""} (${textIn(part, "mime") ?? "unknown type"})`);
    case "agent":
      return note(`agent ${textIn(part, "name") ?? ""}`);
    case "subtask":
      return note(`task for ${textIn(part, "agent") ?? "an agent"}: ${textIn(part, "description") ?? ""}`);
    case "patch":
      return note(`changed ${listIn(part, "files").map(String).join(", ")}`);
    case "compaction":
      return note(COMPACTED);
    case "retry":
      return note(`tried again: ${textIn(part, "error", "data", "message") ?? textIn(part, "error", "name") ?? ""}`);
    case "step-start":
    case "step-finish":
    case "snapshot":
      return [];
    case null:
      return [];
    default:
      return note(`a part of type ${textIn(part, "type")}`);
  }
}

const NO_LONG_TEXTS: LongTexts = new Map();

function sizeOfText(pieces: Iterable<string | null>): TextSize | "changed" {
  let [breaks, bytes, last] = [0, 0, ""];
  for (const piece of pieces) {
    if (piece === null) return "changed";
    for (let at = piece.indexOf("\n"); at >= 0; at = piece.indexOf("\n", at + 1)) breaks += 1;
    bytes += Buffer.byteLength(piece);
    last = piece.at(-1) ?? last;
  }
  return { lines: last === "\n" || last === "" ? breaks : breaks + 1, bytes };
}

function listIn(value: unknown, key: string): readonly unknown[] {
  const list = valueIn(value, key);
  return Array.isArray(list) ? list : [];
}

function toolCall(part: unknown, texts: LongTexts): ToolCall {
  const state = valueIn(part, "state");
  const output = textIn(state, "output");
  const [start, end] = [numberIn(state, "time", "start"), numberIn(state, "time", "end")];
  return {
    type: "tool",
    tool: textIn(part, "tool") ?? "a tool",
    status: textIn(state, "status") ?? "unknown",
    summary: firstLine(textIn(state, "title") || firstText(valueIn(state, "input"))),
    output: output === null ? null : sizeOfText(longTextAt(texts, "state", "output")?.pieces() ?? [output]),
    error: textIn(state, "error"),
    durationMs: start === null || end === null ? null : end - start,
    part,
  };
}

function errorOf(info: unknown): Entry[] {
  const name = textIn(info, "error", "name");
  if (name === null) return [];
  const message = textIn(info, "error", "data", "message");
  return [{ type: "note", part: info, text: endedWith(name, message) }];
}
