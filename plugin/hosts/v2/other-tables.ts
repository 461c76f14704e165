import { z } from "zod";
import type { RecordKind } from "../../model/artifact.ts";
import type { Stop } from "../../model/finding.ts";
import { prompt } from "./messages-2-0.ts";
import { columnTime, directory, finite, idOf, ifAny, record } from "./values.ts";

/** A table that opencode 2.x decodes, other than the tables of sessions and messages. */
export interface OtherTable {
  readonly table: string;
  readonly kind: RecordKind;
  /** The column that identifies a row. */
  readonly name: string;
  /** The column with the session's id, if the rows belong to sessions. */
  readonly sessionColumn?: string;
  /**
   * The other columns that are checked. If one of these columns is missing, the form of the table counts as unknown.
   */
  readonly columns: readonly string[];
  /** Columns that opencode parses as JSON whenever it reads a row. */
  readonly jsonColumns: readonly string[];
  /** The schema of a row whose JSON columns were parsed. */
  readonly row: z.ZodType;
  /** The requests of opencode that fail if a row cannot be decoded. */
  stops(name: unknown): readonly Stop[];
}

const path = directory("paths of every system").refine((value) => value !== "", "not an absolute path");

/**
 * The table of projects. `Project.list` (packages/core/src/project.ts) reads every row. `Project.Info`
 * (packages/schema/src/project.ts) is the schema of a row.
 */
const project: OtherTable = {
  table: "project",
  kind: "project",
  name: "id",
  columns: ["worktree", "vcs", "name", "icon_url", "icon_url_override", "icon_color", "time_created", "time_updated"],
  jsonColumns: ["sandboxes", "commands"],
  row: z.object({
    id: z.string(),
    worktree: path,
    vcs: z
      .string()
      .regex(/^[a-z][a-z0-9._-]*$/)
      .nullish(),
    name: z.string().nullish(),
    icon_url: ifAny(z.string()),
    icon_url_override: ifAny(z.string()),
    icon_color: ifAny(z.string()),
    time_created: finite,
    time_updated: finite,
    sandboxes: z.array(path),
    commands: z.object({ start: z.string().optional() }).nullish(),
  }),
  stops: () => ["project list"],
};

/**
 * The key under which 2.x keeps the state of its import. opencode reads this state at each start, before the import.
 */
const IMPORT_STATE = "migration.v1-v2";

/**
 * The table of settings (packages/core/src/kv.ts). A value may be any JSON. One bad value makes the list of keys fail.
 */
const kv: OtherTable = {
  table: "kv",
  kind: "setting",
  name: "key",
  columns: [],
  jsonColumns: ["value"],
  row: z.object({}),
  stops: (key) => (key === IMPORT_STATE ? ["import"] : ["settings"]),
};

const item = {
  id: idOf("msg_"),
  delivery: z.enum(["steer", "queue"]),
  time_created: columnTime,
};
const text = z.object({ text: z.string(), description: z.string().optional(), metadata: record.optional() });
const location = z.object({ directory: z.string(), workspaceID: idOf("wrk").optional() });
const move = z.object({ location, projectID: z.string(), subpath: z.string().optional() });

/** The table of prompts that wait for their turn (`fromRow` of packages/core/src/session/inbox.ts). */
const inbox: OtherTable = {
  table: "session_inbox",
  kind: "prompt",
  name: "id",
  sessionColumn: "session_id",
  columns: ["type", "delivery", "time_created"],
  jsonColumns: ["payload"],
  row: z.discriminatedUnion("type", [
    z.object({ ...item, type: z.literal("user"), payload: prompt }),
    z.object({ ...item, type: z.literal("synthetic"), payload: text }),
    z.object({ ...item, type: z.literal("compaction"), payload: z.object({}) }),
    z.object({ ...item, type: z.literal("move"), payload: move }),
  ]),
  stops: () => ["prompts"],
};

/**
 * A table of instructions that a model gets before a session starts (packages/core/src/session/instruction-state.ts and
 * instruction-entry.ts).
 */
const instructions = (table: string, name: string, jsonColumns: readonly string[], ofSession = true): OtherTable => ({
  table,
  kind: "instruction",
  name,
  ...(ofSession && { sessionColumn: "session_id" }),
  columns: [],
  jsonColumns,
  row: z.object({}),
  stops: () => ["prompts"],
});

/**
 * The tables of 2.0.26 with JSON columns, except those of sessions and messages (source: sql.ts of
 * packages/core/src/project, kv and session). `session_pending` is not here, because 2.0.26 no longer reads that table.
 */
export const OTHER_TABLES_OF_2_0: readonly OtherTable[] = [
  project,
  kv,
  inbox,
  instructions("instruction_state", "session_id", ["initial_values", "current_values"]),
  instructions("instruction_entry", "key", ["value"]),
  instructions("instruction_blob", "hash", ["value"], false),
];
