import type { CellValue } from "../model/artifact.ts";
import type { FieldChange, ShownChange } from "../model/replacement.ts";
import { isFields, numberIn, textIn } from "../stores/conversation.ts";
import type { SourceRecord } from "../stores/source-session.ts";
import { isMoment } from "./readable.ts";

/**
 * The changes that a record needs only because of the import by opencode 2.x. opencode 1.17 loads the record without
 * them.
 */
export interface Supplement {
  readonly cells: ReadonlyMap<string, CellValue>;
  readonly fields: readonly FieldChange[];
  readonly changes: readonly ShownChange[];
  readonly rules: readonly string[];
}

export const NOTHING_NEEDED: Supplement = { cells: new Map(), fields: [], changes: [], rules: [] };

/**
 * The changes that a part needs, so that it names the session of its message, and so that its `data:` URL can be
 * decoded.
 */
export function partSupplement(part: SourceRecord, sessionID: string, document: unknown): Supplement {
  const inSession = part.sessionID === sessionID ? NOTHING_NEEDED : cell("session_id", part.sessionID, sessionID);
  return joined(inSession, dataURLSupplement(document));
}

/** The changes that a message needs, so that its times are valid dates. */
export function messageSupplement(message: SourceRecord, document: unknown): Supplement {
  const created = isMoment(message.created) ? NOTHING_NEEDED : time("time_created", message, document);
  const isUsed = numberIn(document, "time", "completed") !== null;
  const updated = isMoment(message.updated) || !isUsed ? NOTHING_NEEDED : time("time_updated", message, document);
  return joined(created, updated);
}

/**
 * The id that opencode 2.x can read: `msgX` becomes `msg_X`. Returns `null` if the id is already valid, or if the
 * import drops the message anyway.
 */
export function ownMessageID(id: string): string | null {
  return id.startsWith("msg") && !id.startsWith("msg_") ? `msg_${id.slice("msg".length)}` : null;
}

export function joined(one: Supplement, other: Supplement): Supplement {
  if (one === NOTHING_NEEDED) return other;
  if (other === NOTHING_NEEDED) return one;
  return {
    cells: new Map([...one.cells, ...other.cells]),
    fields: [...one.fields, ...other.fields],
    changes: [...one.changes, ...other.changes],
    rules: [...one.rules, ...other.rules],
  };
}

/** A change of one column to a new text. */
export function cell(column: string, from: string, to: string, rule = `upgrade-${column}`): Supplement {
  return {
    ...NOTHING_NEEDED,
    cells: new Map([[column, { storage: "text", bytes: Buffer.from(to, "utf8") }]]),
    changes: [{ path: column, from, to }],
    rules: [rule],
  };
}

/** A change of one value in the JSON document. If `isShown` is false, the plan does not show the values. */
export function field(path: readonly string[], from: string, to: string, rule: string, isShown: boolean): Supplement {
  const shown = (value: string) => (isShown ? value : "(an address)");
  return {
    ...NOTHING_NEEDED,
    fields: [{ path, from, to }],
    changes: [{ path: path.join("."), from: shown(from), to: shown(to) }],
    rules: [rule],
  };
}

/** The time for the row, taken from its JSON document, because opencode writes both at the same time. */
function time(column: "time_created" | "time_updated", { created }: SourceRecord, document: unknown): Supplement {
  const said =
    (column === "time_updated" ? numberIn(document, "time", "completed") : null) ??
    numberIn(document, "time", "created") ??
    (typeof created === "number" ? created : null);
  if (said === null || !isMoment(said)) return NOTHING_NEEDED;
  const number = String(Math.trunc(said));
  return {
    ...NOTHING_NEEDED,
    cells: new Map([[column, { storage: "integer", number }]]),
    changes: [{ path: column, from: "(no date)", to: number }],
    rules: [`upgrade-${column}`],
  };
}

function dataURLSupplement(document: unknown): Supplement {
  const url = isFields(document) && document.type === "file" ? textIn(document, "url") : null;
  const decodable = url === null ? null : decodableDataURL(url);
  return url === null || decodable === null
    ? NOTHING_NEEDED
    : field(["url"], url, decodable, "upgrade-data-url", false);
}

/**
 * The same content as a `data:` URL that can be decoded. A `%` that begins no escape sequence is escaped. If the bytes
 * are not valid UTF-8, the content is written in base64. Returns `null` if the URL needs no change.
 */
function decodableDataURL(url: string): string | null {
  const comma = url.indexOf(",");
  if (!url.startsWith("data:") || comma < 0) return null;
  const [header, payload] = [url.slice(0, comma), url.slice(comma + 1)];
  if (header.endsWith(";base64") || isDecodable(payload)) return null;
  const escaped = payload.replace(/%(?![0-9a-f]{2})/gi, "%25");
  if (isDecodable(escaped)) return `${header},${escaped}`;
  return `${header};base64,${bytesOf(escaped).toString("base64")}`;
}

function isDecodable(payload: string): boolean {
  try {
    decodeURIComponent(payload);
    return true;
  } catch {
    return false;
  }
}

function bytesOf(payload: string): Buffer {
  const pieces = payload.split(/(%[0-9a-f]{2})/i);
  return Buffer.concat(
    pieces.map((piece, index) =>
      index % 2 === 1 ? Buffer.from([Number.parseInt(piece.slice(1), 16)]) : Buffer.from(piece, "utf8"),
    ),
  );
}
