import type { RecordedEvent } from "../../stores/store.ts";

type Wire = Readonly<Record<string, unknown>>;

/** What one event in opencode's log says: the new content of a record, or the removal of a record. */
export type EventRecord =
  | {
      readonly what: "record";
      readonly kind: "session" | "message" | "part";
      readonly record: Wire;
      readonly time: unknown;
    }
  | { readonly what: "removed"; readonly id: string };

function isWire(value: unknown): value is Wire {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads one event in the log of opencode 1.17-1.18. `session.created.1` and `session.updated.1` hold the whole session.
 * `message.updated.1` and `message.part.updated.1` hold the whole message or part (measured 1.17.18, 1.18.33).
 * Returns `null` if the event is damaged, has another version, or is about another kind of record.
 */
export function readEvent({ type, text }: RecordedEvent): EventRecord | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isWire(data)) return null;
  switch (type) {
    case "session.created.1":
    case "session.updated.1":
      return isWire(data.info) ? { what: "record", kind: "session", record: data.info, time: null } : null;
    case "message.updated.1":
      return isWire(data.info) ? { what: "record", kind: "message", record: data.info, time: null } : null;
    case "message.part.updated.1":
      return isWire(data.part) ? { what: "record", kind: "part", record: data.part, time: data.time } : null;
  }
  if (type.startsWith("session.deleted.")) return removed(data.sessionID ?? (isWire(data.info) ? data.info.id : null));
  if (type.startsWith("message.removed.")) return removed(data.messageID);
  if (type.startsWith("message.part.removed.")) return removed(data.partID);
  return null;
}

function removed(id: unknown): EventRecord | null {
  return typeof id === "string" ? { what: "removed", id } : null;
}
