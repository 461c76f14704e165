import type { LegacyRecord } from "./legacy-record.ts";

export const LEGACY_SESSIONS: readonly LegacyRecord[] = [
  {
    name: "an old model of a session (#26435)",
    rules: ["session-model"],
    change: (rows) =>
      rows.run(
        "update session set model = json_object('providerID', json_extract(model, '$.providerID'), 'modelID', json_extract(model, '$.id')) where id = ?",
        rows.sessionID,
      ),
    differs: ["model.variant"],
  },
  {
    name: "a folder that is a URL (#50401)",
    rules: ["session-directory"],
    change: (rows) => rows.session("directory", "http://localhost:3333/L2hv/session/ses_1"),
  },
  {
    name: "a workspace that is gone (#38303)",
    rules: ["session-workspace"],
    change: (rows) => rows.session("workspace_id", "wrk_gone"),
  },
  {
    name: "a workspace of another kind",
    rules: ["session-workspace"],
    change: (rows) => rows.session("workspace_id", "xyz"),
  },
  {
    name: "a parent session of another kind",
    rules: ["session-parent"],
    change: (rows) => rows.session("parent_id", "xyz"),
  },
  {
    name: "a session's times with fractions",
    rules: ["session-time"],
    change: (rows) => rows.run("update session set time_updated = time_updated + 0.5 where id = ?", rows.sessionID),
  },
  {
    name: "a session's time that is a text",
    rules: ["session-time"],
    change: (rows) => rows.session("time_updated", "soon"),
    differs: ["time.updated"],
  },
  {
    name: "a session's cost that is a text",
    rules: ["session-usage"],
    change: (rows) => rows.session("cost", "much"),
    differs: ["cost"],
  },
  {
    name: "a summary that is a text",
    rules: ["session-column"],
    change: (rows) => rows.session("summary_files", "many"),
    differs: ["summary"],
  },
  {
    name: "a revert that names no message",
    rules: ["session-revert"],
    change: (rows) => rows.session("revert", '{"a":1}'),
  },
  {
    name: "a session's model that names nothing",
    rules: ["session-last-model"],
    change: (rows) => rows.session("model", "{}"),
    differs: ["model.variant"],
  },
];
