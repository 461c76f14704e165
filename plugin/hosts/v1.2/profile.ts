import type { Columns, HostProfile, SchemaFrame } from "../profile.ts";
import { LINE_1_1, SCREEN_1_1 } from "../v1.1/profile.ts";

/** Joins two lists of columns, table by table. */
export function withColumns(some: Columns, others: Columns): Columns {
  const added = Object.entries(others).map(([table, names]) => [table, [...(some[table] ?? []), ...names]] as const);
  return { ...some, ...Object.fromEntries(added) };
}

/** Columns that 1.2.1, the first version with a database, names in the queries that load sessions. */
export const OLDEST_COLUMNS: Columns = {
  project: ["worktree", "vcs", "sandboxes"],
  session: ["project_id", "parent_id", "slug", "directory", "title", "version", "revert", "permission", "time_updated"],
  message: ["session_id", "time_created", "data"],
  part: ["message_id", "session_id", "data"],
};

/** The first range of versions that keeps sessions in a database. */
const LINE_1_2: HostProfile = {
  ...LINE_1_1,
  name: "1.2",
  first: "1.2.1",
  last: "1.2.15",
  journal: { name: "__drizzle_migrations", keys: ["name", "created_at"] },
  shaped: ({ tables }) => isOf1_2(tables) && !tables.has("workspace"),
  // To find the columns that opencode needs for loading, each column was renamed while opencode ran. This was measured
  // on this range of versions and on 1.14.41, 1.15.0, 1.15.13 and 1.18.34. If another column is missing, such as
  // `session.title`, opencode still loads sessions, because SQLite reads the quoted name of a missing column as a text.
  // opencode then fails only when it writes a new session, a prompt or a todo list.
  reads: [
    {
      columns: {
        project: [
          ...["id", "worktree", "vcs", "name", "icon_url", "icon_color", "time_updated", "time_initialized"],
          ...["sandboxes", "commands"],
        ],
        session: ["id", "project_id", "directory", "summary_diffs", "revert", "permission", "time_updated"],
        message: ["id", "session_id", "time_created", "data"],
        part: ["id", "message_id", "data"],
        todo: ["session_id", "position"],
      },
    },
  ],
  // Other columns to which opencode writes. Measured on 1.2.4, 1.3.0, 1.14.34, 1.15.3, 1.17.0 and 1.18.33, with the
  // same result.
  writes: {
    session: [
      ...["parent_id", "slug", "title", "version", "share_url", "summary_additions", "summary_deletions"],
      ...["summary_files", "time_created", "time_compacting", "time_archived"],
    ],
    message: ["time_updated"],
    part: ["session_id", "time_created", "time_updated"],
    todo: ["content", "status", "priority", "time_created", "time_updated"],
  },
  adds: [
    ["20260127222353_familiar_lady_ursula", "project", "id"],
    ["20260211171708_add_project_commands", "project", "commands"],
    ["20260213144116_wakeful_the_professor", "control_account", "email"],
  ],
  projectFile: "unread",
};

export const LINE_1_2_20: HostProfile = {
  ...LINE_1_2,
  name: "1.2.20",
  first: "1.2.20",
  last: "1.3.2",
  shaped: ({ tables }) => isOf1_2(tables) && tables.has("workspace"),
  writes: withColumns(LINE_1_2.writes, { session: ["workspace_id"] }),
  adds: [
    ...LINE_1_2.adds,
    ["20260225215848_workspace", "workspace", "id"],
    ["20260227213759_add_session_workspace_id", "session", "workspace_id"],
    ["20260303231226_add_workspace_fields", "workspace", "type"],
    ["20260312043431_session_message_cursor", "message_session_time_created_id_idx"],
  ],
  // opencode 1.2.20 to 1.3.2 prints a call of `task` on one line, which accepts any value.
  screen: { ...SCREEN_1_1, tools: new Map([...SCREEN_1_1.tools, ["task", []]]) },
};

/**
 * 1.3.2 is the first version that looks up each other worktree of a project, and fails on an error (measured; 1.3.0
 * does not). It has the same tables as 1.2.20.
 */
const LINE_1_3_2: HostProfile = { ...LINE_1_2_20, name: "1.3.2", first: "1.3.2", last: "1.3.2", sandboxes: "texts" };

export const LINES_OF_1_2: readonly HostProfile[] = [LINE_1_2, LINE_1_2_20, LINE_1_3_2];

function isOf1_2(tables: SchemaFrame["tables"]): boolean {
  return !tables.has("migration") && !hasEvents(tables) && !tables.has("data_migration");
}

/**
 * Whether the database has a table or column that came with 1.14. Three of them are looked for, and one is enough,
 * because the others may be lost.
 */
export function hasEvents(tables: SchemaFrame["tables"]): boolean {
  return tables.has("event") || tables.has("session_message") || tables.get("session")?.includes("model") === true;
}
