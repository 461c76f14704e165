import { compareVersions } from "../hosts/running-host.ts";
import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { textOf } from "../stores/sqlite/pages/schema-objects.ts";

const VERSION = /^\d+\.\d+\.\d+$/;

/** The smallest number of columns that a session has in any version. */
const SESSION_COLUMNS = 14;

/** The newest version of opencode that began one of these sessions; `null` if no record shows it. */
export function newestVersion(records: readonly SqliteRecord[]): string | null {
  let newest: string | null = null;
  for (const { letters, values } of records) {
    const [id] = values;
    if (letters.length < SESSION_COLUMNS || !(id instanceof Uint8Array) || !textOf(id).startsWith("ses_")) continue;
    for (const value of values) {
      if (!(value instanceof Uint8Array) || value.length > 12) continue;
      const text = textOf(value);
      if (VERSION.test(text) && (newest === null || compareVersions(text, newest) > 0)) newest = text;
    }
  }
  return newest;
}
