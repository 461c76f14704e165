import { type Fields, isFields, valueIn } from "../stores/conversation.ts";
import type { ImportedMessage } from "./imported-message.ts";

/** The largest time that a JavaScript date can represent, in milliseconds before or after 1970. */
const FURTHEST_MS = 8.64e15;

export const NO_OWN_ID = 'its id does not begin with "msg_"';

/**
 * Whether opencode 2.x accepts a value as a time: any number in the range of a date. Fractions and negative numbers are
 * accepted (measured).
 */
export function isMoment(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= FURTHEST_MS;
}

/**
 * Why opencode 2.x cannot read a message that its own import has written; `null` if it can. The import checks neither
 * the prefix of the id nor the columns of the row (measured on the importer of 2.0.26). The text contains nothing of
 * the message's content.
 */
export function unreadableReason({ id, type, created, updated, data }: ImportedMessage): string | null {
  if (!id.startsWith("msg_")) return NO_OWN_ID;
  if (!isMoment(created)) return "time_created of its row is not a date";
  if (type !== "assistant") return null;
  if (valueIn(data, "time", "completed") !== undefined && !isMoment(updated)) {
    return "time_updated of its row is not a date";
  }
  if (data.error !== undefined && typeof valueIn(data, "error", "message") !== "string") {
    return "the message of its error is not a text";
  }
  const content = Array.isArray(data.content) ? data.content.filter(isFields) : [];
  return content.some(hasNoDate) ? "a time in one of its parts is not a date" : null;
}

function hasNoDate({ time }: Fields): boolean {
  if (!isFields(time)) return false;
  return [time.created, time.completed].some((each) => each !== undefined && !isMoment(each));
}
