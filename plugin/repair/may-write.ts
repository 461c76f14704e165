import { isFileLocator, type Locator } from "../model/artifact.ts";
import type { Origin } from "../model/origin.ts";
import { notWritten } from "../words/origins.ts";

/** The kinds of databases that contain rows which only opencode 2.x reads. */
const WITH_ROWS_OF_2X: readonly Origin["kind"][] = ["2.x", "1.x and 2.x", "1.x with messages of 2.x"];

/** Whether a record is in a table that only opencode 2.x reads. */
function isPlaceOf2x(locator: Locator): boolean {
  return !isFileLocator(locator) && ["session_message", "session_v2"].includes(locator.table);
}

/**
 * The reason why these records must not be changed; `null` if they may be changed. Rows that only opencode 2.x reads
 * may be changed, because every repair of them is limited to values that no JSON parser reads.
 */
export function refusalToWrite(origin: Origin | null, places: readonly Locator[]): string | null {
  const isOf2x = origin !== null && WITH_ROWS_OF_2X.includes(origin.kind) && places.every(isPlaceOf2x);
  return isOf2x ? null : writingRefusal(origin);
}

/**
 * The reason why no record of this database may be changed; `null` if some records may be changed (see {@link
 * isCompleted}).
 */
export function writingRefusal(origin: Origin | null): string | null {
  return origin === null || isOf1x(origin) || origin.writable !== undefined ? null : notWritten(origin);
}

/** The reason why no record may be added to this database; `null` if records may be added. */
export function addingRefusal(origin: Origin | null): string | null {
  return origin === null || isCompleted(origin) ? null : notWritten(origin);
}

/**
 * Whether records in this database may be completed, closed and added, as in a database that only opencode 1.x wrote.
 */
export function isCompleted(origin: Origin): boolean {
  return isOf1x(origin) || origin.writable === "all";
}

function isOf1x({ kind }: Origin): boolean {
  return kind === "1.x" || kind === "1.x with messages of 2.x";
}
