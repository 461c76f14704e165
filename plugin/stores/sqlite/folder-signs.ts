import { type FolderSigns, NO_WORKTREE } from "../../hosts/folder-paths.ts";
import type { Connection } from "./driver.ts";
import type { Schema } from "./schema.ts";
import { sqliteFailure } from "./sqlite-error.ts";

/** The SQL that tests whether a column holds a Windows path, by the same rule as `systemOfPath`. */
function isOfWindows(value: string): string {
  return `(${value} glob '[A-Za-z]:[/\\]*' or ${value} glob '[/\\][/\\]*')`;
}

/**
 * When the database was last used on Windows, and when on Linux or macOS, as the paths of folders show. The result has
 * one entry for the sessions' folders and one for the projects' folders.
 */
export function folderSigns(connection: Connection, { tables }: Schema): FolderSigns[] {
  const has = (table: string, column: string) => tables.get(table)?.includes(column) === true;
  const signs: FolderSigns[] = [];
  if (has("session", "directory"))
    signs.push(signsIn(connection, "session", "directory", has("session", "time_updated")));
  if (has("project", "worktree"))
    signs.push(signsIn(connection, "project", "worktree", has("project", "time_updated")));
  return signs;
}

function signsIn(connection: Connection, table: string, column: string, hasTime: boolean): FolderSigns {
  // A value that is not a time counts as the oldest time, so that such a row decides nothing.
  const time = hasTime ? "case when typeof(time_updated) = 'integer' then time_updated else 0 end" : "0";
  const windows = isOfWindows(column);
  const posix = `${column} glob '/*' and ${column} <> '${NO_WORKTREE}' and not ${windows}`;
  try {
    const [row] = connection.all(
      `select max(case when ${windows} then ${time} end) as windows, max(case when ${posix} then ${time} end) as posix
       from ${table}`,
    );
    const newest = (value: unknown) => (value === null || value === undefined ? null : Number(value));
    return { newestMs: { windows: newest(row?.windows), posix: newest(row?.posix) } };
  } catch (error) {
    // If pages are damaged, no time is returned here, because another check reports the damage.
    if (sqliteFailure(error) !== "malformed") throw error;
    return { newestMs: { windows: null, posix: null } };
  }
}
