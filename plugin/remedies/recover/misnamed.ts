import { cellValue } from "../../hosts/row-form.ts";
import { type Fields, isFields } from "../../stores/conversation.ts";
import type { RecordPlace } from "../../stores/store.ts";
import type { MissingRecord } from "./missing-in-log.ts";

/** A row whose id is not in opencode's log, which can happen when bits in the id were flipped. */
export interface UnknownRow {
  readonly id: string;
  readonly place: RecordPlace;
  /** The parsed JSON of the row. For a session, its columns. */
  readonly content: unknown;
}

/** Columns of a session that opencode always writes to its log too, so they can be compared. */
const LOGGED_COLUMNS = ["project_id", "parent_id", "slug", "directory", "title", "version", "time_created"];

/**
 * Finds rows that hold a missing record under a wrong id. Such a row has the parent and exactly the content that the
 * log states for the missing record. If several rows or records match, the creation time must show which belong
 * together. Otherwise no row is chosen.
 */
export function misnamedRows(
  unknown: readonly UnknownRow[],
  missing: readonly MissingRecord[],
): ReadonlyMap<UnknownRow, MissingRecord> {
  const same = new Map<string, MissingRecord[]>();
  for (const record of missing) push(same, keyOfRecord(record), record);
  const claims = new Map<MissingRecord, UnknownRow[]>();
  for (const row of unknown) {
    const alike = same.get(keyOfRow(row)) ?? [];
    const ofTime = alike.filter((record) => cellValue(record.row.get("time_created")) === row.place.createdMs);
    const [only, ...more] = alike.length > 1 && ofTime.length > 0 ? ofTime : alike;
    if (only !== undefined && more.length === 0) push(claims, only, row);
  }
  const found = new Map<UnknownRow, MissingRecord>();
  for (const [record, [row, ...more]] of claims) if (row !== undefined && more.length === 0) found.set(row, record);
  return found;
}

function push<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [value]);
  else group.push(value);
}

/**
 * Makes a text that is equal for equal rows. The text consists of the kind, the parent, and the content with sorted
 * keys.
 */
function keyOfRow({ place, content }: UnknownRow): string {
  const { kind, messageID, sessionID } = place;
  if (kind === "session") return sortedText([kind, ...sessionValues(isFields(content) ? content : {})]);
  return sortedText([kind, kind === "part" ? messageID : sessionID, content]);
}

function keyOfRecord({ kind, row }: MissingRecord): string {
  if (kind === "session") {
    const values = Object.fromEntries([...row].map(([name, cell]) => [name, cellValue(cell)]));
    return sortedText([kind, ...sessionValues(values)]);
  }
  const data = cellValue(row.get("data"));
  const content: unknown = typeof data === "string" ? JSON.parse(data) : null;
  return sortedText([kind, cellValue(row.get(kind === "part" ? "message_id" : "session_id")), content]);
}

function sessionValues(columns: Fields): unknown[] {
  return LOGGED_COLUMNS.map((name) => columns[name] ?? null);
}

function sortedText(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) =>
    isFields(each) ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1))) : each,
  );
}
