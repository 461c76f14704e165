import { isFields } from "../stores/conversation.ts";

/** The first text among the arguments of a tool call. */
export function firstText(input: unknown): string {
  if (!isFields(input)) return "";
  return Object.values(input).find((value): value is string => typeof value === "string") ?? "";
}

/** The first line of a text, with a mark if there are more lines. */
export function firstLine(text: string): string {
  const [line = "", ...more] = text.trim().split("\n");
  return more.length === 0 ? line : `${line} …`;
}

export function lineCount(text: string): number {
  return text === "" ? 0 : text.replace(/\n$/, "").split("\n").length;
}

/** The note for a message in which opencode summarised the messages before it. */
export const COMPACTED = "the session before this point was compacted";

/** The note for a turn that failed. */
export function endedWith(name: string, message: string | null): string {
  return `ended with ${name}${message === null ? "" : `: ${firstLine(message)}`}`;
}

/** The note for text that opencode itself added. */
export function addedText(text: string): string {
  return `added by opencode: ${firstLine(text)}`;
}
