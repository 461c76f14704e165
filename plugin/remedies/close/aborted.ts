import { hostLine } from "../../hosts/store-line.ts";
import type { FieldChange } from "../../model/replacement.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import { type Fields, isFields, valueIn } from "../../stores/conversation.ts";

/**
 * The texts that opencode itself writes when a user aborts a turn: one in the tool call, one in the answer (measured on
 * six versions).
 */
const TOOL_ABORTED = "Tool execution aborted";
const ANSWER_ABORTED = { "1.0": "The operation was aborted.", "1.14": "Aborted" } as const;

/**
 * The changes that give an unfinished tool call the state that opencode writes on abort: an error, with the output so
 * far. `endMs` is the last sign of activity of the call, in milliseconds. Returns `null` if the part is not an
 * unfinished tool call.
 */
export function abortedTool(part: unknown, endMs: number, store: StoreDescription): FieldChange[] | null {
  const state = valueIn(part, "state");
  if (!isFields(state) || (state.status !== "pending" && state.status !== "running")) return null;
  const { status, metadata, time } = state;
  const start = valueIn(time, "start");
  const end = Math.max(endMs, typeof start === "number" ? start : 0);
  return [
    { path: ["state", "status"], from: status, to: "error" },
    changed(state, ["state"], "error", TOOL_ABORTED),
    ...(tellsInterrupted(store) ? interrupted(state, metadata) : []),
    ...timed(state, time, start, end),
  ];
}

/**
 * The changes that opencode makes in an unfinished answer on abort: an end time, and the error `MessageAbortedError`.
 */
export function abortedAnswer(message: unknown, endMs: number, store: StoreDescription): FieldChange[] | null {
  const time = valueIn(message, "time");
  if (!isFields(message) || message.role !== "assistant" || !isFields(time)) return null;
  const created = typeof time.created === "number" ? time.created : 0;
  const text = tellsInterrupted(store) ? ANSWER_ABORTED["1.14"] : ANSWER_ABORTED["1.0"];
  return [
    changed(time, ["time"], "completed", Math.max(endMs, created)),
    changed(message, [], "error", { name: "MessageAbortedError", data: { message: text } }),
  ];
}

/**
 * Whether this opencode marks an aborted tool call as interrupted. opencode 1.4 and newer mark the call, and write a
 * shorter text into the answer (measured on 1.14.41). 1.1.65 (measured) and 1.2.27 (read in its source) do not.
 */
function tellsInterrupted(store: StoreDescription): boolean {
  return hostLine(store).marksInterrupted;
}

function interrupted(state: Fields, metadata: unknown): FieldChange[] {
  return isFields(metadata)
    ? [changed(metadata, ["state", "metadata"], "interrupted", true)]
    : [changed(state, ["state"], "metadata", { interrupted: true })];
}

function timed(state: Fields, time: unknown, start: unknown, end: number): FieldChange[] {
  if (!isFields(time) || typeof start !== "number") return [changed(state, ["state"], "time", { start: end, end })];
  return [changed(time, ["state", "time"], "end", end)];
}

function changed(holder: Fields, path: readonly string[], name: string, to: unknown): FieldChange {
  return { path: [...path, name], ...(Object.hasOwn(holder, name) ? { from: holder[name] } : {}), to };
}
