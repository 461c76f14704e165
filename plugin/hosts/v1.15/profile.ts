import type { HostProfile, ReadColumns, SchemaFrame } from "../profile.ts";
import { withColumns } from "../v1.2/profile.ts";
import { LINE_1_14 } from "../v1.14/profile.ts";

const READS: readonly ReadColumns[] = [
  ...LINE_1_14.reads,
  {
    columns: {
      session: [
        ...["parent_id", "summary_additions", "summary_deletions", "summary_files"],
        ...["time_created", "time_compacting", "time_archived"],
      ],
    },
  },
];

/**
 * The columns for the cost and the tokens of a session. 1.14.48 works without these columns. 1.15.0, 1.15.3 and 1.15.4
 * answer 400 if one of them is missing.
 */
const USAGE = [
  ...["cost", "tokens_input", "tokens_output", "tokens_reasoning"],
  ...["tokens_cache_read", "tokens_cache_write"],
];

/** From 1.14.48 on, opencode checks every record against its schema. */
const LINE_1_15: HostProfile = {
  ...LINE_1_14,
  name: "1.15",
  first: "1.14.48",
  last: "1.15.4",
  shaped: (frame) => isOf1_15(frame) && !hasMetadata(frame),
  reads: [...READS, { columns: { session: USAGE }, mayLackAll: true }],
  writes: withColumns(LINE_1_14.writes, {
    session_message: ["id", "session_id", "type", "time_created", "time_updated", "data"],
  }),
  adds: [
    ...LINE_1_14.adds,
    ["20260507164347_add_workspace_time", "workspace", "time_used"],
    ["20260510033149_session_usage", "session", "cost"],
    ["20260511000411_data_migration_state", "data_migration", "name"],
  ],
  contract: "strict",
  sessionDiffs: { failsUnread: true, failsUnopened: false, isUtf8: true, holds: "diffs" },
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
  // One malformed message stops the migration that adds these columns, so a database may lack them until a later start.
  reads: [...READS, { columns: { session: ["metadata", ...USAGE] }, broughtBy: "20260510033149_session_usage" }],
  adds: [...LINE_1_15.adds, ["20260511173437_session-metadata", "session", "metadata"]],
  emptyIfFalse: ["model", "permission"],
  checksErrorRef: true,
};

export const LINES_OF_1_15: readonly HostProfile[] = [LINE_1_15, LINE_1_15_13];

function isOf1_15({ tables }: SchemaFrame): boolean {
  return !tables.has("migration") && tables.has("data_migration");
}

function hasMetadata({ tables }: SchemaFrame): boolean {
  return tables.get("session")?.includes("metadata") === true;
}
