import { isWellFormedUtf8, sqliteText } from "../records/file-text.ts";
import type { SqlValue } from "../stores/sqlite/driver.ts";

/** Columns that hold a JSON document which opencode parses. */
const DOCUMENTS: Readonly<Record<string, readonly string[]>> = {
  message: ["data"],
  part: ["data"],
  event: ["data"],
  session: ["summary_diffs", "metadata", "revert", "permission", "model"],
  project: ["sandboxes", "commands"],
};

/** In these tables, one wrong value makes opencode's whole session list fail. */
const LISTS = ["session", "project"];

const IDS: Readonly<Record<string, readonly string[]>> = {
  message: ["id", "session_id"],
  part: ["id", "message_id", "session_id"],
};

/**
 * Returns an id only if it has nothing but printable characters. Otherwise it is left over from an overwritten page.
 */
export function soundID(id: string | null): string | null {
  return id !== null && /^[\x21-\x7e]+$/.test(id) ? id : null;
}

/** JSON documents larger than this number of bytes are not parsed, because that would take too much memory. */
const LONGEST_PARSED = 64 * 1024 * 1024;

/** Whether opencode may have written this value to this column. If not, the page was overwritten. */
export function isSound(table: string, column: string, value: SqlValue): boolean {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (DOCUMENTS[table]?.includes(column) === true) return bytes.length > LONGEST_PARSED || parses(bytes);
    if (IDS[table]?.includes(column) === true) return soundID(bytes.toString("latin1")) !== null;
    return !LISTS.includes(table) || isReadableText(bytes);
  }
  const isTime = LISTS.includes(table) && column.startsWith("time_") && typeof value === "number";
  return !isTime || value >= 0;
}

/** Whether the bytes are a text that opencode reads to its end: valid UTF-8 without NUL. */
export function isReadableText(bytes: Uint8Array): boolean {
  return isWellFormedUtf8(bytes) && !bytes.includes(0);
}

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(sqliteText(bytes));
    return true;
  } catch {
    return false;
  }
}
