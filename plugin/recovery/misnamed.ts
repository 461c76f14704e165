import { isDeepStrictEqual } from "node:util";
import type { RowValues } from "../stores/artifact.ts";
import type { RecordPlace } from "../stores/store.ts";
import type { LostRecord } from "./lost.ts";
import { cellValue } from "./row-form.ts";

/** A row under an id that the log of its host does not know, with what else it says. */
export interface UnknownRow {
  readonly id: string;
  readonly place: RecordPlace;
  /** What its JSON says; of a session its columns. */
  readonly content: unknown;
}

/** Columns of a session that no host writes without logging it. */
const LOGGED_COLUMNS = ["project_id", "parent_id", "slug", "directory", "title", "version", "time_created"];

/**
 * Rows that are a lost record under another id: they hang where it hung and say what it said, to the last value, and
 * nothing else does. Where several are alike, the time of a part's first event decides, or none is named.
 */
export function misnamedRows(
  unknown: readonly UnknownRow[],
  lost: readonly LostRecord[],
): ReadonlyMap<UnknownRow, LostRecord> {
  const alike = unknown.map((row) => ({ row, records: narrowed(row, lost) }));
  const claims = alike.flatMap(({ records }) => records);
  const found = new Map<UnknownRow, LostRecord>();
  for (const { row, records } of alike) {
    const [only] = records;
    const isOnly = records.length === 1 && claims.filter((claim) => claim === only).length === 1;
    if (isOnly && only !== undefined) found.set(row, only);
  }
  return found;
}

function narrowed(row: UnknownRow, lost: readonly LostRecord[]): readonly LostRecord[] {
  const same = lost.filter((record) => isSame(row, record));
  const ofTime = same.filter((record) => cellValue(record.row.get("time_created")) === row.place.createdMs);
  return same.length > 1 && ofTime.length > 0 ? ofTime : same;
}

function isSame({ place, content }: UnknownRow, { kind, row }: LostRecord): boolean {
  if (kind !== place.kind) return false;
  if (kind === "session") return isSameSession(content, row);
  if (kind === "part" && cellValue(row.get("message_id")) !== place.messageID) return false;
  if (kind === "message" && cellValue(row.get("session_id")) !== place.sessionID) return false;
  const data = cellValue(row.get("data"));
  return typeof data === "string" && isDeepStrictEqual(JSON.parse(data), content);
}

function isSameSession(content: unknown, row: LostRecord["row"]): boolean {
  const columns: RowValues = typeof content === "object" && content !== null ? { ...content } : {};
  return LOGGED_COLUMNS.every((name) => cellValue(row.get(name)) === (columns[name] ?? null));
}
