import type { HostProfile } from "../profile.ts";
import { withColumns } from "../v1.2/profile.ts";
import { LINE_1_15_13 } from "../v1.15/profile.ts";

/**
 * The ids of the last migrations of 1.17.9, and of 1.17.11 to 1.18.34. They distinguish the databases of these
 * versions.
 */
const LAST_OF_1_17_9 = "20260612174303_project_dir_strategy";
const LAST_OF_1_17_11 = "20260622202450_simplify_session_input";

const LINE_1_17: HostProfile = {
  ...LINE_1_15_13,
  name: "1.17",
  first: "1.17.0",
  last: "1.17.0",
  journal: { name: "migration", keys: ["id"] },
  shaped: ({ tables, migrations }) => tables.has("migration") && !migrations.has(LAST_OF_1_17_9),
  writes: withColumns(LINE_1_15_13.writes, {
    event: ["id", "aggregate_id", "seq", "type", "data"],
    event_sequence: ["seq", "owner_id"],
    session_message: ["seq"],
    workspace: ["project_id"],
  }),
  upgradesOlder: true,
  sessionDiffs: null,
  wantsAbsolutePaths: true,
  sandboxes: "absolute",
  wantsWholeUserTime: false,
  screen: null,
};

const LINE_1_17_9: HostProfile = {
  ...LINE_1_17,
  name: "1.17.9",
  first: "1.17.9",
  last: "1.17.9",
  shaped: ({ migrations }) => migrations.has(LAST_OF_1_17_9) && !migrations.has(LAST_OF_1_17_11),
  adds: [...LINE_1_17.adds, ["20260612174303_project_dir_strategy", "project_directory", "strategy"]],
  knowsContentFilter: true,
};

/**
 * Without session_message, 1.17.11 answers 500 to the first prompt of a new session. 1.17.18, 1.17.19, 1.18.3 and
 * 1.18.33 do not write to this table (measured).
 */
const { session_message = [], ...WRITES_OF_1_17_18 } = LINE_1_17_9.writes;

export const LINE_1_17_11: HostProfile = {
  ...LINE_1_17_9,
  name: "1.17.11",
  first: "1.17.11",
  last: "1.18.34",
  shaped: ({ migrations }) => migrations.has(LAST_OF_1_17_11),
  writes: WRITES_OF_1_17_18,
  someWrite: { versions: "1.17.11", columns: { session_message } },
  emptyIfFalse: ["model", "permission", "revert"],
};

export const LINES_OF_1_17: readonly HostProfile[] = [LINE_1_17, LINE_1_17_9, LINE_1_17_11];
