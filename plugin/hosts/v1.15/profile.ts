import type { Frame, HostProfile } from "../profile.ts";
import { LINE_1_14 } from "../v1.14/profile.ts";

/** From 1.14.48 on the host checks every record against its schema. */
const LINE_1_15: HostProfile = {
  ...LINE_1_14,
  name: "1.15",
  first: "1.14.48",
  last: "1.15.4",
  shaped: (frame) => isOf1_15(frame) && !hasMetadata(frame),
  reads: [
    ...LINE_1_14.reads,
    {
      columns: {
        session: [
          ...["parent_id", "summary_additions", "summary_deletions", "summary_files"],
          ...["time_created", "time_compacting", "time_archived"],
        ],
      },
    },
  ],
  adds: [
    ...LINE_1_14.adds,
    ["20260507164347_add_workspace_time", "workspace", "time_used"],
    ["20260510033149_session_usage", "session", "cost"],
    ["20260511000411_data_migration_state", "data_migration", "name"],
  ],
  contract: "strict",
  sessionDiffs: { failsUnread: true, isUtf8: true, holds: "diffs" },
  knowsContentFilter: false,
  wantsWholeUserTime: true,
  listed: "100 newest",
  namesProjectsByRemote: true,
  logsWrites: true,
};

export const LINE_1_15_13: HostProfile = {
  ...LINE_1_15,
  name: "1.15.13",
  first: "1.15.13",
  last: "1.15.13",
  shaped: (frame) => isOf1_15(frame) && hasMetadata(frame),
  reads: [
    ...LINE_1_15.reads,
    {
      columns: {
        session: [
          ...["metadata", "cost", "tokens_input", "tokens_output", "tokens_reasoning"],
          ...["tokens_cache_read", "tokens_cache_write"],
        ],
      },
      // One malformed message stops this migration.
      broughtBy: "20260510033149_session_usage",
    },
  ],
  adds: [...LINE_1_15.adds, ["20260511173437_session-metadata", "session", "metadata"]],
  emptyIfFalse: ["model", "permission"],
  checksErrorRef: true,
};

export const LINES_OF_1_15: readonly HostProfile[] = [LINE_1_15, LINE_1_15_13];

function isOf1_15({ tables }: Frame): boolean {
  return !tables.has("migration") && tables.has("data_migration");
}

function hasMetadata({ tables }: Frame): boolean {
  return tables.get("session")?.includes("metadata") === true;
}
