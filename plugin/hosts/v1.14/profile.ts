import type { HostProfile } from "../profile.ts";
import type { ScreenDemands } from "../screen-demand.ts";
import { SCREEN_1_1 } from "../v1.1/profile.ts";
import { hasEvents, LINE_1_2_20, withColumns } from "../v1.2/profile.ts";

/** The UI of 1.14 prints calls of `list` and `codesearch` like calls of a plugin's tools. */
const SCREEN_1_14: ScreenDemands = {
  ...SCREEN_1_1,
  tools: new Map([
    ...[...SCREEN_1_1.tools].filter(([tool]) => tool !== "list" && tool !== "codesearch"),
    ["task", [{ at: ["state", "input", "subagent_type"], wants: "text" }]],
  ]),
};

export const LINE_1_14: HostProfile = {
  ...LINE_1_2_20,
  name: "1.14",
  first: "1.14.34",
  last: "1.14.41",
  shaped: ({ tables }) => !tables.has("migration") && hasEvents(tables) && !tables.has("data_migration"),
  reads: [...LINE_1_2_20.reads, { columns: { project: ["icon_url_override"], session: ["workspace_id", "model"] } }],
  writes: withColumns(LINE_1_2_20.writes, { session: ["path", "agent"], event_sequence: ["aggregate_id"] }),
  adds: [
    ...LINE_1_2_20.adds,
    ["20260323234822_events", "event", "id"],
    ["20260423070820_add_icon_url_override", "project", "icon_url_override"],
    ["20260428004200_add_session_path", "session", "path"],
    ["20260504145000_add_sync_owner", "event_sequence", "owner_id"],
  ],
  sessionDiffs: { failsUnread: true, failsUnopened: false, isUtf8: true, holds: "names" },
  emptyIfFalse: ["model"],
  sandboxes: "texts",
  looksUpWorkspaces: true,
  marksInterrupted: true,
  screen: SCREEN_1_14,
};
