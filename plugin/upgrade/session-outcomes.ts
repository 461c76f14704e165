import { isAbsoluteFor } from "../hosts/folder-paths.ts";
import { pathSystem } from "../hosts/store-line.ts";
import type { Artifact } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { fits } from "../records/contract.ts";
import type { SourceSession } from "../stores/source-session.ts";
import type { Departure } from "./departure.ts";
import { isMoment } from "./readable.ts";

/** JSON columns that the import copies unchanged and opencode 2.x then reads. `permission` is not copied. */
const READ_BACK = ["summary_diffs", "metadata", "revert", "model"];

/**
 * JSON columns whose content opencode 2.x checks when it lists sessions. `revert` is not among them, because the import
 * empties it.
 */
const LISTED = ["metadata", "model"];

/** Columns that opencode 2.x accepts only if they are text or NULL. */
const TEXTS = ["title", "slug", "version", "agent", "path", "project_id"];

/**
 * Predicts what the import of opencode 2.x makes of the row of a session (source 2.0.26). How a wrong row breaks the
 * session list was measured with a build of 2.x of July and with the preview (`lildax`). A pure function.
 */
export function sessionOutcomes(session: SourceSession, store: StoreDescription): Departure[] {
  const { id, row, json, hasProject } = session;
  const found: Departure[] = [];
  const say = (column: string, outcome: Departure["outcome"], reason: string, isByDesign = false) =>
    found.push({ kind: "session", recordID: id, column, outcome, reason, isByDesign });
  for (const column of READ_BACK) {
    const parsed = json.get(column);
    if (parsed !== undefined && !parsed.ok) say(column, "stops", `${column} is not JSON`);
  }
  const { directory } = row;
  if (directory !== "" && (typeof directory !== "string" || !isAbsoluteFor(pathSystem(store), directory))) {
    say("directory", "stops", "directory is no absolute path");
  }
  for (const column of LISTED) {
    const parsed = json.get(column);
    if (parsed?.ok !== true || !parsed.value) continue;
    const locator = { table: "session", key: { id }, column };
    const artifact: Artifact = { kind: "session", sessionID: id, recordID: id, locator };
    if (!fits(artifact, parsed.value, { row, siblings: null }, store)) {
      say(column, "unreadable", `${column} does not have the shape that 2.x reads: no session list loads`);
    }
  }
  if (!id.startsWith("ses")) say("id", "unreadable", 'its id does not begin with "ses"');
  for (const [column, prefix] of [["parent_id", "ses"] as const, ["workspace_id", "wrk"] as const]) {
    const value = row[column] ?? null;
    if (value !== null && (typeof value !== "string" || !value.startsWith(prefix))) {
      say(column, "unreadable", `${column} does not begin with "${prefix}": no session list loads`);
    }
  }
  for (const column of TEXTS) {
    const value = row[column] ?? null;
    if (value !== null && typeof value !== "string") say(column, "unreadable", `${column} is not a text`);
  }
  for (const column of ["time_created", "time_updated", "time_archived"]) {
    const value = row[column] ?? null;
    if (value === null && column === "time_archived") continue;
    if (!isMoment(value)) say(column, "unreadable", `${column} is not a date: no session list loads`);
  }
  if (!hasProject)
    say("project_id", "changed", "its project does not exist: 2.x moves the session to the project global", true);
  const revert = json.get("revert");
  if (revert?.ok === true && revert.value) {
    say("revert", "changed", "2.x forgets the undo: the messages after that point are shown again", true);
  }
  return found;
}
