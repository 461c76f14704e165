import type { Connection, SqlRow } from "./driver.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/**
 * The first damage that SQLite finds in the pages of a database; `null` if there is none. The text is SQLite's own,
 * which names pages and tables but no content. `quick` does not compare indexes with rows.
 */
export function firstDamage(connection: Connection, depth: "quick" | "full"): string | null {
  try {
    const [row] = depth === "quick" ? quickCheck(connection) : connection.all("pragma integrity_check(1)");
    const [answer] = Object.values(row ?? {});
    return answer === "ok" ? null : oneLine(String(answer));
  } catch (error) {
    if (sqliteFailure(error) === "malformed" || sqliteFailure(error) === "not-a-database") return "SQLITE_CORRUPT";
    throw error;
  }
}

/**
 * The size of SQLite's page cache during the quick check. The check reads each page once, so a large cache does not
 * help. A cache that fits into the cache of the processor saves a fifth of the processor time (1 GB: 620 instead of 780
 * ms).
 */
const CACHE_KILOBYTES = 100;

function quickCheck(connection: Connection): SqlRow[] {
  const before = Number(connection.all("pragma cache_size")[0]?.cache_size ?? 0);
  connection.exec(`pragma cache_size = -${CACHE_KILOBYTES}`);
  try {
    return connection.all("pragma quick_check(1)");
  } finally {
    if (before !== 0) connection.exec(`pragma cache_size = ${before}`);
  }
}

function oneLine(text: string): string {
  return text
    .replace(/\*+ in database \w+ \*+\s*/g, "")
    .split("\n")
    .join("; ")
    .slice(0, 160);
}
