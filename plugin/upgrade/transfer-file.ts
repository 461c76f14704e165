import { isFields, textIn } from "../stores/conversation.ts";
import type { SourceSession } from "../stores/source-session.ts";
import { derivedID } from "./derived-id.ts";
import type { ImportedMessage } from "./imported-message.ts";
import type { SessionOutcomes } from "./outcomes.ts";
import { isMoment } from "./readable.ts";

/** The JSON document that `opencode session import FILE` of opencode 2.x accepts. */
export interface TransferFile {
  readonly info: object;
  readonly messages: readonly object[];
}

/**
 * Converts a session of 1.x to the document for `opencode session import FILE`. Each message has the form of 2.x, with
 * its id and type (source 2.0.26, `schema/src/session-transfer.ts`). opencode 2.x refuses an id that it already has
 * (409). So if `isCopy` is true, the session and its messages get new ids. opencode 2.x leaves out an answer without an
 * end time. So an answer without an end time gets the time of its last change as its end time. A pure function.
 */
export function transferFile(
  { id, row, json }: SourceSession,
  { messages }: Pick<SessionOutcomes, "messages">,
  isCopy: boolean,
): TransferFile {
  const used = new Set(messages.map((message) => message.id));
  const ownID = (of: string) => (isCopy || !of.startsWith("msg_") ? derivedID(asMessageID(of), used) : of);
  const model = json.get("model");
  const title = textIn(row, "title") ?? "";
  const parentID = textIn(row, "parent_id");
  const info = {
    id: isCopy ? derivedID(id, new Set([id])) : id,
    ...(parentID?.startsWith("ses") && !isCopy && { parentID }),
    projectID: textIn(row, "project_id") ?? "global",
    ...(textIn(row, "agent") !== null && { agent: textIn(row, "agent") }),
    ...(model?.ok === true && isModel(model.value) && { model: model.value }),
    ...usageOf(messages),
    time: { created: momentOf(row.time_created), updated: momentOf(row.time_updated), ...archived(row.time_archived) },
    title: isCopy ? `${title} (from opencode 1.x)` : title,
    location: { directory: textIn(row, "directory") || "/" },
  };
  return { info, messages: messages.map((message) => transferred(message, ownID)) };
}

function transferred(message: ImportedMessage, ownID: (of: string) => string): object {
  const { id, type, updated, data } = message;
  const time = isFields(data.time) ? data.time : {};
  const isEnded = type !== "assistant" || time.completed !== undefined;
  return { id: ownID(id), type, ...data, time: isEnded ? time : { ...time, completed: momentOf(updated) } };
}

function asMessageID(id: string): string {
  return id.startsWith("msg_") ? id : `msg_${id.replace(/^msg/, "")}`;
}

function isModel(value: unknown): boolean {
  return textIn(value, "id") !== null && textIn(value, "providerID") !== null;
}

function usageOf(messages: readonly ImportedMessage[]) {
  const sum = (...path: readonly string[]) =>
    messages.reduce((total, { data }) => total + (numberAt(data, path) ?? 0), 0);
  const tokens = (...path: readonly string[]) => sum("tokens", ...path);
  const cache = { read: tokens("cache", "read"), write: tokens("cache", "write") };
  return {
    cost: sum("cost"),
    tokens: { input: tokens("input"), output: tokens("output"), reasoning: tokens("reasoning"), cache },
  };
}

function numberAt(data: unknown, path: readonly string[]): number | null {
  const value = path.reduce<unknown>((at, name) => (isFields(at) ? at[name] : undefined), data);
  return typeof value === "number" ? value : null;
}

function momentOf(value: unknown): number {
  return isMoment(value) ? Math.trunc(Number(value)) : 0;
}

function archived(value: unknown): object {
  return typeof value === "number" ? { archived: momentOf(value) } : {};
}
