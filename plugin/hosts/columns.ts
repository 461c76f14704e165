import type { LineName } from "../model/store-description.ts";
import { type Frame, type HostLine, LINES } from "./lines.ts";

type Columns = Readonly<Record<string, readonly string[]>>;

/**
 * Columns without which an answer of the load path fails, by the first line that reads them, with `todo` alone a table
 * that may be missing as a whole. Measured by renaming every column while 1.2.27, 1.14.41, 1.15.0, 1.15.13 and 1.18.34
 * ran. SQLite reads a quoted column that is not there as a text, so that others (`session.title`) fail only when the
 * host writes.
 */
const READ: readonly (readonly [since: LineName, columns: Columns, broughtBy?: string])[] = [
  [
    "1.2",
    {
      project: [
        ...["id", "worktree", "vcs", "name", "icon_url", "icon_color", "time_updated", "time_initialized"],
        ...["sandboxes", "commands"],
      ],
      session: ["id", "project_id", "directory", "summary_diffs", "revert", "permission", "time_updated"],
      message: ["id", "session_id", "time_created", "data"],
      part: ["id", "message_id", "data"],
      todo: ["session_id", "position"],
    },
  ],
  ["1.14", { project: ["icon_url_override"], session: ["workspace_id", "model"] }],
  [
    "1.15",
    {
      session: [
        ...["parent_id", "summary_additions", "summary_deletions", "summary_files"],
        ...["time_created", "time_compacting", "time_archived"],
      ],
    },
  ],
  [
    "1.15.13",
    {
      session: [
        ...["metadata", "cost", "tokens_input", "tokens_output", "tokens_reasoning"],
        ...["tokens_cache_read", "tokens_cache_write"],
      ],
    },
    "20260510033149_session_usage",
  ],
];

/** Columns that 1.17 and newer name only where they write, or where the id of the project changes. */
const WRITTEN: Columns = {
  session: ["slug", "path", "title", "version", "share_url", "agent"],
  message: ["time_updated"],
  part: ["session_id", "time_created", "time_updated"],
  todo: ["content", "status", "priority"],
  workspace: ["project_id"],
};

export interface MissingColumns {
  /** Without these the host fails to load sessions: `table.column`. */
  readonly read: readonly string[];
  /** Without these it fails on some of what it does besides. */
  readonly written: readonly string[];
}

/** The columns that a line needs and a database does not have; a migration that is still to come may bring them. */
export function missingColumns(line: HostLine, frame: Frame): MissingColumns {
  const isOwn = line.journal === "migration";
  if (isOwn && !line.shaped(frame)) return { read: [], written: [] };
  const age = (name: LineName) => LINES.findIndex((each) => each.name === name);
  const reads = ([since, , broughtBy]: (typeof READ)[number]) =>
    age(since) <= age(line.name) && !isToCome(broughtBy, frame);
  const read = READ.filter(reads).flatMap(([, columns]) => missing(columns, frame));
  return { read, written: isOwn ? missing(WRITTEN, frame) : [] };
}

/**
 * Whether an upgrade was begun and stopped before a migration, as one malformed message makes it do before that of a
 * session's usage: the next start goes on from there.
 */
function isToCome(migration: string | undefined, { migrations }: Frame): boolean {
  return migration !== undefined && migrations.size > 0 && !migrations.has(migration);
}

function missing(columns: Columns, { tables }: Frame): string[] {
  return Object.entries(columns).flatMap(([table, names]) => {
    const there = tables.get(table);
    if (there === undefined) return table === "todo" ? ["todo"] : [];
    return names.filter((name) => !there.includes(name)).map((name) => `${table}.${name}`);
  });
}
