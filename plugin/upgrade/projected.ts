import { type Fields, isFields, textIn, valueIn } from "../stores/conversation.ts";
import type { SourceRecord } from "../stores/source-session.ts";
import { contentOf, errorOf } from "./assistant-content.ts";
import { derivedID } from "./derived-id.ts";
import type { DecodedMessage, DecodedRecord, ImportedMessage } from "./imported-message.ts";

/** A record whose content is different in opencode 2.x, or is missing there. */
export interface Difference {
  readonly record: SourceRecord;
  readonly kind: "message" | "part";
  readonly outcome: "changed" | "dropped" | "stops";
  readonly reason: string;
  /**
   * Whether opencode 2.x makes this difference on purpose. If so, the record is not damaged, and there is nothing to
   * repair.
   */
  readonly isByDesign: boolean;
}

/** The messages of opencode 2.x that are made from one message of 1.x, and what is different in them. */
export interface Projection {
  readonly messages: readonly ImportedMessage[];
  readonly differences: readonly Difference[];
}

/**
 * Converts the messages of a session as the import of opencode 2.x does, in the order of their times and ids. A message
 * and its parts become one message of 2.x, with the parts inside (source 2.0.26, `transformSession`). A pure function.
 */
export function projected(messages: readonly DecodedMessage[]): Projection[] {
  const paired = new Set<string>();
  const used = new Set(messages.map(({ record }) => record.id));
  return messages.map((message): Projection => {
    if (paired.has(message.record.id)) return NOTHING;
    if (message.value.role === "assistant") return assistant(message, messages);
    const compaction = message.parts.find(({ value }) => value.type === "compaction");
    return compaction === undefined ? user(message, used) : compacted(message, compaction, messages, paired);
  });
}

const NOTHING: Projection = { messages: [], differences: [] };

function ofType(parts: readonly DecodedRecord[], type: string): DecodedRecord[] {
  return parts.filter(({ value }) => value.type === type);
}

function imported(
  { record }: DecodedRecord,
  type: ImportedMessage["type"],
  data: Fields,
  updated: unknown = record.updated,
): ImportedMessage {
  return { id: record.id, type, created: record.created, updated, data };
}

/**
 * A finished compaction and its summary become one message of 2.x. A compaction without a finished summary is left out.
 */
function compacted(
  message: DecodedMessage,
  compaction: DecodedRecord,
  messages: readonly DecodedMessage[],
  paired: Set<string>,
): Projection {
  const { record } = message;
  const summary = messages.find(
    ({ value }) => value.role === "assistant" && value.parentID === record.id && value.summary === true,
  );
  if (summary !== undefined) paired.add(summary.record.id);
  if (
    summary === undefined ||
    summary.value.error !== undefined ||
    valueIn(summary.value, "time", "completed") === undefined
  ) {
    const reason = "2.x leaves out a compaction without a finished summary";
    const lost = summary === undefined ? [message] : [message, summary];
    return { messages: [], differences: lost.flatMap((each) => whole(each, reason)) };
  }
  const texts = ofType(summary.parts, "text").flatMap(({ value }) => textIn(value, "text") || []);
  const tailStart = textIn(compaction.value, "tail_start_id");
  const from = tailStart === null ? -1 : messages.findIndex((each) => each.record.id === tailStart);
  const tail = from < 0 ? [] : messages.slice(from, messages.indexOf(message));
  const updated = [record.updated, summary.record.updated];
  const data = {
    status: "completed",
    reason: compaction.value.auto === true ? "auto" : "manual",
    summary: texts.join("\n\n"),
    recent: tail.flatMap(recentLines).join("\n\n"),
    time: { created: record.created },
  };
  return {
    messages: [imported(message, "compaction", data, Math.max(...updated.map(Number)))],
    differences: unkept(message, ["compaction"]),
  };
}

/** The text with which a compaction quotes the messages that it has kept. */
function recentLines({ value, parts }: DecodedMessage): string[] {
  if (value.role === "user") {
    const texts = ofType(parts, "text").filter((part) => part.value.ignored !== true);
    return [`[User]: ${texts.map((part) => textIn(part.value, "text") ?? "").join("\n\n")}`];
  }
  return parts.flatMap((part) => {
    const text = textIn(part.value, "text") ?? "";
    if (part.value.type === "text") return [`[Assistant]: ${text}`];
    return part.value.type === "reasoning" && text !== "" ? [`[Assistant reasoning]: ${text}`] : [];
  });
}

/** Describes a message that opencode 2.x leaves out, with all of its parts. */
function whole(message: DecodedMessage, reason: string): Difference[] {
  const of = (kind: Difference["kind"], { record }: DecodedRecord): Difference => ({
    record,
    kind,
    outcome: "dropped",
    reason,
    isByDesign: true,
  });
  return [of("message", message), ...message.parts.map((part) => of("part", part))];
}

/**
 * Parts of a type that opencode 2.x does not store in a message of this kind. Snapshots, steps and patches are not
 * included, because the import stores them in the message itself.
 */
function unkept({ parts }: DecodedMessage, kept: readonly string[]): Difference[] {
  return parts
    .filter(({ value }) => ![...kept, ...BOOKKEEPING].includes(String(value.type)))
    .map(({ record }) => ({
      record,
      kind: "part",
      outcome: "dropped",
      reason: "2.x has no place for a part of this type in such a message",
      isByDesign: true,
    }));
}

const BOOKKEEPING = ["step-start", "step-finish", "snapshot", "patch", "retry"];

function user(message: DecodedMessage, used: Set<string>): Projection {
  const { record, parts } = message;
  const time = { created: record.created };
  const texts = ofType(parts, "text");
  const visible = texts.filter(({ value }) => value.ignored !== true);
  const files = ofType(parts, "file");
  const agents = ofType(parts, "agent").map(({ value }) => agentAttachment(value));
  const subtasks = ofType(parts, "subtask");
  if (subtasks.length > 0 && visible.length + files.length + agents.length === 0) {
    return {
      messages: [],
      differences: whole(message, "2.x keeps only the session that the subtask began"),
    };
  }
  const differences = unkept(message, ["text", "file", "agent"]);
  for (const part of texts) {
    if (part.value.ignored !== true) continue;
    const reason = "2.x does not keep text that is marked ignored";
    differences.push({ ...byPart(part), outcome: "dropped", reason, isByDesign: true });
  }
  const attachments: Fields[] = [];
  for (const file of files) {
    const { attachment, difference } = attached(file);
    if (attachment !== null) attachments.push(attachment);
    if (difference !== null) differences.push(difference);
  }
  const text = parts.flatMap(({ value }) => {
    if (value.type === "file" && !isDataURL(value)) return [unavailable(value)];
    if (value.type !== "text" || value.ignored === true || value.synthetic === true) return [];
    return [textIn(value, "text") ?? ""];
  });
  const synthetic = visible.filter(({ value }) => value.synthetic === true);
  const note = { text: synthetic.map(({ value }) => textIn(value, "text") ?? "").join("\n\n"), time };
  if (text.length === 0 && synthetic.length > 0 && attachments.length + agents.length === 0) {
    return { messages: [imported(message, "synthetic", note)], differences };
  }
  const own = imported(message, "user", {
    text: text.join("\n\n"),
    ...(attachments.length > 0 && { files: attachments }),
    ...(agents.length > 0 && { agents }),
    time,
  });
  if (synthetic.length === 0) return { messages: [own], differences };
  const second = { ...imported(message, "synthetic", note), id: derivedID(record.id, used) };
  return { messages: [own, second], differences };
}

function byPart({ record }: DecodedRecord): Pick<Difference, "record" | "kind"> {
  return { record, kind: "part" };
}

function agentAttachment(value: Fields): Fields {
  const { source } = value;
  const mention = isFields(source) ? { mention: { text: source.value, start: source.start, end: source.end } } : {};
  return { name: value.name, ...mention };
}

function isDataURL(value: Fields): boolean {
  return textIn(value, "url")?.startsWith("data:") ?? false;
}

/** The line of text that opencode 2.x stores instead of a file whose address is not a `data:` URL. */
function unavailable(value: Fields): string {
  const label = textIn(value, "filename") ?? textIn(value, "source", "uri") ?? textIn(value, "url") ?? "";
  return `[Attachment unavailable after migration: ${label} (${textIn(value, "mime") ?? ""})]`;
}

interface Attached {
  readonly attachment: Fields | null;
  readonly difference: Difference | null;
}

function attached(file: DecodedRecord): Attached {
  const { value } = file;
  const none = (outcome: Difference["outcome"], reason: string): Attached => ({
    attachment: null,
    difference: { ...byPart(file), outcome, reason, isByDesign: outcome === "changed" },
  });
  if (!isDataURL(value)) return none("changed", "2.x keeps only the name of a file whose content is not in the record");
  const data = dataOf(textIn(value, "url") ?? "");
  if (data === "no comma") return none("dropped", "its data: URL has no comma, so 2.x reads nothing from it");
  if (data === "bad escape") return none("stops", "its data: URL holds a % that is no escape (URIError)");
  const source = isFields(value.source) ? value.source : null;
  const filename = textIn(value, "filename");
  const text = source?.text;
  const attachment = {
    data,
    mime: value.mime,
    source: source?.type === "resource" ? { type: "uri", uri: source.uri } : { type: "inline" },
    ...(filename !== null && filename !== "" && { name: filename }),
    ...(isFields(text) && { mention: { text: text.value, start: text.start, end: text.end } }),
  };
  return { attachment, difference: null };
}

/** The bytes of a `data:` URL in base64, as opencode 2.x reads them. */
function dataOf(url: string): string | "no comma" | "bad escape" {
  const comma = url.indexOf(",");
  if (comma < 0) return "no comma";
  const payload = url.slice(comma + 1);
  if (url.slice(0, comma).endsWith(";base64")) return Buffer.from(payload, "base64").toString("base64");
  try {
    return Buffer.from(decodeURIComponent(payload)).toString("base64");
  } catch {
    return "bad escape";
  }
}

function assistant(message: DecodedMessage, messages: readonly DecodedMessage[]): Projection {
  const { record, value, parts } = message;
  const parent = messages.find((each) => each.record.id === value.parentID);
  const isSubtask = ofType(parent?.parts ?? [], "subtask").length > 0;
  if (isSubtask && ofType(parts, "tool").some((part) => part.value.tool === "task")) {
    return {
      messages: [],
      differences: whole(message, "2.x keeps only the session that the subtask began"),
    };
  }
  const differences = unkept(message, ["text", "reasoning", "tool"]);
  const content = parts.flatMap((part) => {
    const { item, changed } = contentOf(part, record.created);
    if (changed !== null) differences.push({ ...byPart(part), outcome: "changed", reason: changed, isByDesign: true });
    return item === null ? [] : [item];
  });
  const finish = textIn(value, "finish") || null;
  const isKnown = finish !== null && FINISHES.includes(finish);
  if (finish !== null && !isKnown) {
    const reason = '2.x keeps its finish as "unknown"';
    differences.push({ record, kind: "message", outcome: "changed", reason, isByDesign: true });
  }
  const error = errorOf(value.error);
  if (error === "stops") {
    const reason = "error.data is not an object, so the import fails on it (TypeError)";
    return { messages: [], differences: [{ record, kind: "message", outcome: "stops", reason, isByDesign: false }] };
  }
  const completed = valueIn(value, "time", "completed");
  const data = {
    agent: value.agent,
    model: { providerID: value.providerID, id: value.modelID, variant: value.variant ?? "default" },
    content,
    ...snapshotOf(parts),
    ...(finish !== null && { finish: isKnown ? finish : "unknown" }),
    cost: value.cost,
    tokens: tokensOf(value.tokens),
    ...(error !== null && { error }),
    time: { created: record.created, ...(completed !== undefined && { completed: record.updated }) },
  };
  return { messages: [imported(message, "assistant", data)], differences };
}

const FINISHES = ["stop", "length", "tool-calls", "content-filter", "error", "unknown"];

function tokensOf(tokens: unknown): Fields {
  const { input, output, reasoning, cache } = isFields(tokens) ? tokens : {};
  return { input, output, reasoning, cache };
}

function snapshotOf(parts: readonly DecodedRecord[]): Fields {
  const texts = (type: string, name: string) => ofType(parts, type).flatMap(({ value }) => textIn(value, name) || []);
  const start = texts("step-start", "snapshot")[0] ?? texts("snapshot", "snapshot")[0] ?? texts("patch", "hash")[0];
  const end = texts("step-finish", "snapshot").at(-1);
  const files = [...new Set(ofType(parts, "patch").flatMap(({ value }) => (value.files as string[]) ?? []))];
  if (start === undefined && end === undefined && files.length === 0) return {};
  return { snapshot: { ...(start && { start }), ...(end && { end }), ...(files.length > 0 && { files }) } };
}
