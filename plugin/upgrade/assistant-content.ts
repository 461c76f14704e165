import { type Fields, isFields, valueIn } from "../stores/conversation.ts";
import type { DecodedRecord } from "./imported-message.ts";

interface ContentItem {
  readonly item: Fields | null;
  /** Why the content is different in opencode 2.x; `null` if it stays the same. */
  readonly changed: string | null;
}

/** Converts one part of an answer to the form that opencode 2.x stores. `created` is the time of the part's message. */
export function contentOf({ value }: DecodedRecord, created: unknown): ContentItem {
  const state = isFields(value.metadata) ? { state: value.metadata } : {};
  switch (value.type) {
    case "text":
      return { item: { type: "text", text: value.text, ...state }, changed: null };
    case "reasoning": {
      const [start, end] = [valueIn(value, "time", "start"), valueIn(value, "time", "end")];
      const time = { created: start, ...(end !== undefined && { completed: end }) };
      return { item: { type: "reasoning", text: value.text, ...state, time }, changed: null };
    }
    case "tool":
      return toolOf(value, created);
    default:
      return { item: null, changed: null };
  }
}

function toolOf(value: Fields, created: unknown): ContentItem {
  const call = isFields(value.state) ? value.state : {};
  const { status, input } = call;
  const metadata = isFields(call.metadata) ? { metadata: call.metadata } : {};
  const time = isFields(call.time) ? call.time : {};
  const base = {
    type: "tool",
    id: value.callID,
    name: value.tool,
    ...(isFields(value.metadata) && { providerState: value.metadata }),
  };
  const ended = { created: time.start, completed: time.end };
  if (status === "completed") {
    const isCleared = time.compacted !== undefined;
    const files = Array.isArray(call.attachments) ? call.attachments.filter(isFields) : [];
    const content = [
      { type: "text", text: isCleared ? "[Old tool result content cleared]" : call.output },
      ...(isCleared ? [] : files.map(toolFile)),
    ];
    return {
      item: { ...base, state: { status, input, content, ...metadata }, time: ended },
      changed: isCleared ? "2.x does not keep the output of a call that a compaction has cleared" : null,
    };
  }
  if (status === "error") {
    const output = valueIn(call.metadata, "output");
    const content = typeof output === "string" ? { content: [{ type: "text", text: output }] } : {};
    const error = { type: "tool.execution", message: call.error };
    return { item: { ...base, state: { status, input, error, ...content, ...metadata }, time: ended }, changed: null };
  }
  const error = { type: "tool.interrupted", message: "Tool execution was interrupted before V2 migration" };
  const begun = status === "running" ? time.start : created;
  const item = { ...base, state: { status: "error", input, error, ...metadata }, time: { created: begun } };
  return { item, changed: "2.x stores a call that did not end as interrupted" };
}

function toolFile({ url, mime, filename }: Fields): Fields {
  return { type: "file", uri: url, mime, ...(typeof filename === "string" && filename !== "" && { name: filename }) };
}

const ERROR_TYPES: Readonly<Record<string, string>> = {
  ProviderAuthError: "provider.auth",
  ContentFilterError: "provider.content-filter",
  ContextOverflowError: "provider.invalid-request",
  StructuredOutputError: "provider.invalid-output",
  MessageOutputLengthError: "provider.invalid-output",
  MessageAbortedError: "aborted",
  APIError: "provider.error",
};

/**
 * Converts the error of an answer to the form that opencode 2.x stores; `null` if there is no error. `stops` means that
 * the import fails on this error.
 */
export function errorOf(error: unknown): Fields | null | "stops" {
  if (!isFields(error)) return null;
  const name = String(error.name);
  const { data } = error;
  if (typeof data !== "object" || data === null) return "stops";
  const fallback = name === "MessageOutputLengthError" ? "The model exceeded its output limit" : name;
  const message = "message" in data ? data.message : fallback;
  return { type: ERROR_TYPES[name] ?? "unknown", message };
}
