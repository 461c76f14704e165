import { type Fields, isFields, valueIn } from "../stores/conversation.ts";
import type { ImportedMessage } from "./imported-message.ts";

/** The furthest moment that a date of JavaScript names, in milliseconds from 1970 in either direction. */
const FURTHEST_MS = 8.64e15;

export const NO_OWN_ID = 'its id does not begin with "msg_"';

/**
 * Whether 2.x reads a value as a time: any finite number in the range of a date, including fractions and negative
 * numbers (measured).
 */
export function isMoment(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= FURTHEST_MS;
}

/**
 * The reason why 2.x could not read a record that its import wrote, in words without content; `null` if it can. The
 * import checks neither the new prefix of ids nor the columns of a row (measured importer, 2.0.26).
 */
export function unreadableReason({ id, type, created, updated, data }: ImportedMessage): string | null {
  if (!id.startsWith("msg_")) return NO_OWN_ID;
  if (!isMoment(created)) return "time_created of its row is no date";
  if (type !== "assistant") return null;
  if (valueIn(data, "time", "completed") !== undefined && !isMoment(updated)) {
    return "time_updated of its row is no date";
  }
  if (data.error !== undefined && typeof valueIn(data, "error", "message") !== "string") {
    return "the message of its error is no text";
  }
  const content = Array.isArray(data.content) ? data.content.filter(isFields) : [];
  return content.some(hasNoDate) ? "a time in one of its parts is no date" : null;
}

function hasNoDate({ time }: Fields): boolean {
  if (!isFields(time)) return false;
  return [time.created, time.completed].some((each) => each !== undefined && !isMoment(each));
}
