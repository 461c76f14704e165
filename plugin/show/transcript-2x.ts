import { faultByCode } from "../faults/catalogue.ts";
import type { ProblemOf2x } from "../faults/diagnose-2x.ts";
import { cutDocument } from "../records/cut-document.ts";
import { sqliteText, textBeginning } from "../records/file-text.ts";
import { isFields, numberIn, textIn, valueIn } from "../stores/conversation.ts";
import { addedText, COMPACTED, endedWith, firstLine, firstText, lineCount } from "./entry-text.ts";
import type { Entry, Hole, Quarantined, ToolCall, TranscriptMessage } from "./transcript.ts";

/** A row of `session_message`, in its place or in quarantine. */
export interface MessageOf2x {
  readonly id: string;
  readonly type: string;
  /** The position of the row among the messages of its session. */
  readonly seq: number;
  /** `time_created` of the row. */
  readonly timeMs: number | null;
  readonly size: number;
  /** The content of the row; `null` if it is too large for memory. */
  readonly bytes: Buffer | null;
}

/** The readable content of a message of opencode 2.x. Unreadable parts become holes. A pure function. */
export function transcribe2x(
  message: MessageOf2x,
  problem: (Pick<ProblemOf2x, "evidence"> & { readonly code: string; readonly title: string }) | null,
  moved: Quarantined | null,
): TranscriptMessage {
  const value = readable(message.bytes);
  const { id, type, timeMs } = message;
  const holes = problem === null && moved === null ? [] : [holeOf(message, problem, moved)];
  return {
    messageID: id,
    role: type === "user" || type === "assistant" ? type : null,
    timeMs: numberIn(value, "time", "created") ?? timeMs,
    agent: textIn(value, "agent"),
    model: textIn(value, "model", "id"),
    entries: [...holes, ...entriesOf(type, value)],
    info: value,
    parts: [],
  };
}

/** The content of the row, or the readable beginning of it; `undefined` if nothing can be read. */
function readable(bytes: Buffer | null): unknown {
  if (bytes === null) return undefined;
  try {
    return JSON.parse(sqliteText(bytes));
  } catch {
    return cutDocument(textBeginning(bytes));
  }
}

function holeOf(
  { id, size }: MessageOf2x,
  problem: Parameters<typeof transcribe2x>[1],
  moved: Quarantined | null,
): Hole {
  const code = moved?.code ?? problem?.code ?? null;
  const evidence = moved?.evidence ?? problem?.evidence ?? "";
  const title = problem?.title ?? faultByCode(code ?? "")?.title ?? "cannot be read";
  const where = `session_message:id=${id}`;
  return {
    type: "hole",
    kind: "message",
    recordID: id,
    where,
    code,
    why: `${title} (${evidence})`,
    bytes: size,
    runID: moved?.runID ?? null,
  };
}

function entriesOf(type: string, value: unknown): Entry[] {
  const text = textIn(value, "text") ?? "";
  switch (type) {
    case "user":
      return [...spoken(text), ...attachments(value)];
    case "assistant":
      return [...listIn(value, "content").flatMap(contentEntry), ...errorOf(value)];
    case "synthetic":
    case "system":
      return text === "" ? [] : note(addedText(text), value);
    case "skill":
      return note(`skill ${textIn(value, "name") ?? textIn(value, "skill") ?? ""}`, value);
    case "shell": {
      const output = textIn(value, "output", "output") ?? textIn(value, "output") ?? "";
      return [...note(`$ ${textIn(value, "command") ?? ""}`, value), ...spoken(output)];
    }
    case "compaction": {
      const summary = textIn(value, "summary") ?? "";
      return [...note(COMPACTED, value), ...spoken(summary), ...errorOf(value)];
    }
    case "agent-switched":
      return note(`agent ${textIn(value, "agent") ?? ""}`, value);
    case "model-switched":
      return note(`model ${textIn(value, "model", "id") ?? ""}`, value);
    case "location-switched":
      return note(`folder ${textIn(value, "location", "directory") ?? ""}`, value);
    case "idle":
      return [];
    default:
      return note(`a message of type ${type}`, value);
  }
}

function spoken(text: string): Entry[] {
  return text === "" ? [] : [{ type: "text", text }];
}

function note(text: string, part: unknown): Entry[] {
  return [{ type: "note", text, part }];
}

function attachments(value: unknown): Entry[] {
  const named = (word: string, each: unknown) =>
    note(`${word} ${textIn(each, "name") ?? textIn(each, "uri") ?? ""}`, each);
  const files = listIn(value, "files").flatMap((each) =>
    note(`file ${textIn(each, "name") ?? textIn(each, "uri") ?? ""} (${textIn(each, "mime") ?? "unknown type"})`, each),
  );
  const agents = listIn(value, "agents").flatMap((each) => named("agent", each));
  return [...files, ...agents, ...listIn(value, "skills").flatMap((each) => named("skill", each))];
}

function contentEntry(content: unknown): Entry[] {
  const text = textIn(content, "text") ?? "";
  switch (textIn(content, "type")) {
    case "text":
      return spoken(text);
    case "reasoning":
      return text === "" ? [] : [{ type: "reasoning", text }];
    case "tool":
      return [toolCall(content)];
    default:
      return [];
  }
}

function toolCall(content: unknown): ToolCall {
  const state = valueIn(content, "state");
  const input = valueIn(state, "input");
  const returned = listIn(state, "content").flatMap((each) => textIn(each, "text") ?? []);
  const output = returned.join("\n");
  const [start, end] = [numberIn(content, "time", "ran"), numberIn(content, "time", "completed")];
  return {
    type: "tool",
    tool: textIn(content, "name") ?? "a tool",
    status: textIn(state, "status") ?? "unknown",
    summary: firstLine(typeof input === "string" ? input : firstText(input)),
    output: returned.length === 0 ? null : { lines: lineCount(output), bytes: Buffer.byteLength(output) },
    error: textIn(state, "error", "message"),
    durationMs: start === null || end === null ? null : end - start,
    // The call gets the form in which 1.x stores it, because all views read that form.
    part: { state: { input, output } },
  };
}

function errorOf(value: unknown): Entry[] {
  const error = valueIn(value, "error");
  if (!isFields(error)) return [];
  const message = textIn(error, "message");
  const name = textIn(error, "type") ?? "an error";
  return note(endedWith(name, message), value);
}

function listIn(value: unknown, key: string): readonly unknown[] {
  const list = valueIn(value, key);
  return Array.isArray(list) ? list : [];
}
