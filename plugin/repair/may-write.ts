import { isFileLocator, type Locator } from "../model/artifact.ts";
import type { Origin } from "../model/origin.ts";
import { notWritten } from "../words/origins.ts";

/** Kinds of databases with rows that only opencode 2.x reads. */
const WITH_ROWS_OF_2X: readonly Origin["kind"][] = ["2.x", "1.x and 2.x", "1.x with messages of 2.x"];

/** Whether a place is in a table that only opencode 2.x reads. */
function isPlaceOf2x(locator: Locator): boolean {
  return !isFileLocator(locator) && ["session_message", "session_v2"].includes(locator.table);
}

/**
 * The reason why these places of a database must not be written; `null` if they may be written. Rows that only 2.x
 * reads may be written, because the only plan for them is to remove values that no JSON parser reads.
 */
export function refusalToWrite(origin: Origin | null, places: readonly Locator[]): string | null {
  const isOf2x = origin !== null && WITH_ROWS_OF_2X.includes(origin.kind) && places.every(isPlaceOf2x);
  return isOf2x ? null : writingRefusal(origin);
}

/**
 * The reason why the records of a database must not be written; `null` if some may be written (see {@link
 * isCompleted}).
 */
export function writingRefusal(origin: Origin | null): string | null {
  return origin === null || isOf1x(origin) || origin.writable !== undefined ? null : notWritten(origin);
}

/** The reason why no records may be added to a database; `null` if they may be added. */
export function addingRefusal(origin: Origin | null): string | null {
  return origin === null || isCompleted(origin) ? null : notWritten(origin);
}

/** Whether records of a database are completed, closed and added as in a database of 1.x alone. */
export function isCompleted(origin: Origin): boolean {
  return isOf1x(origin) || origin.writable === "all";
}

function isOf1x({ kind }: Origin): boolean {
  return kind === "1.x" || kind === "1.x with messages of 2.x";
}
