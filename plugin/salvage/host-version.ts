import { compareVersions } from "../hosts/running-host.ts";
import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { utf8Text } from "../stores/sqlite/pages/schema-objects.ts";

const VERSION = /^\d+\.\d+\.\d+$/;

/** In every opencode version, a session has at least this many columns. */
const SESSION_COLUMNS = 14;

/** The newest opencode version that created one of these sessions; `null` if no record names a version. */
export function newestVersion(records: readonly SqliteRecord[]): string | null {
  let newest: string | null = null;
  for (const { letters, values } of records) {
    const [id] = values;
    if (letters.length < SESSION_COLUMNS || !(id instanceof Uint8Array) || !utf8Text(id).startsWith("ses_")) continue;
    for (const value of values) {
      if (!(value instanceof Uint8Array) || value.length > 12) continue;
      const text = utf8Text(value);
      if (VERSION.test(text) && (newest === null || compareVersions(text, newest) > 0)) newest = text;
    }
  }
  return newest;
}
