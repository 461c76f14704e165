import type { Connection } from "./driver.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/**
 * The first damage that SQLite finds in the pages of a database; `null` if there is none. The text is SQLite's own,
 * which names pages and tables but no content. `quick` does not compare indexes with rows.
 */
export function firstDamage(connection: Connection, depth: "quick" | "full"): string | null {
  try {
    const [row] = connection.all(depth === "quick" ? "pragma quick_check(1)" : "pragma integrity_check(1)");
    const [answer] = Object.values(row ?? {});
    return answer === "ok" ? null : oneLine(String(answer));
  } catch (error) {
    if (sqliteFailure(error) === "malformed" || sqliteFailure(error) === "not-a-database") return "SQLITE_CORRUPT";
    throw error;
  }
}

function oneLine(text: string): string {
  return text
    .replace(/\*+ in database \w+ \*+\s*/g, "")
    .split("\n")
    .join("; ")
    .slice(0, 160);
}
