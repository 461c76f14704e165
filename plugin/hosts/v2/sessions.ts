import { z } from "zod";
import { columnTime, directory, finite, idOf, ifAny, jsonRecord } from "./values.ts";

/** The model of a session. Its variant may be `null`, because opencode reads `variant ?? "default"`. */
const model = ifAny(z.object({ id: z.string(), providerID: z.string(), variant: z.string().nullish() }));

/** Columns with the same rules in 2.0.26 and in the preview: `fromRow` of packages/core/src/session/info.ts. */
const shared = {
  id: idOf("ses"),
  project_id: z.string(),
  parent_id: ifAny(idOf("ses")),
  workspace_id: ifAny(idOf("wrk")),
  path: ifAny(z.string()),
  agent: ifAny(z.string()),
  model,
  cost: finite,
  tokens_input: finite,
  tokens_output: finite,
  tokens_reasoning: finite,
  tokens_cache_read: finite,
  tokens_cache_write: finite,
  time_created: columnTime,
  time_updated: columnTime,
  time_archived: ifAny(columnTime),
};

const status = z.enum(["added", "modified", "deleted"]);

const forkBoundary = z.object({ type: z.enum(["before", "through"]), messageID: idOf("msg_") });

/**
 * A session of 2.0.26 (source: `fromRow` of packages/core/src/session/info.ts, `Session.Info` of packages/schema). The
 * files of a revert may have either of the two forms of `FileDiff`. `fork_boundary` is checked only if the row names a
 * fork. `permission` and `metadata` are always checked. 2.0.26 refuses permission rules in the form of 1.x; a migration
 * of 2.x empties such rules.
 */
export const SESSION_OF_2_0 = z
  .object({
    ...shared,
    metadata: jsonRecord.nullish(),
    permission: z
      .array(z.object({ action: z.string(), resource: z.string(), effect: z.enum(["allow", "deny", "ask"]) }))
      .nullish(),
    directory: directory("paths of every system"),
    title: z.string().nullish(),
    fork_session_id: ifAny(z.string()),
    fork_boundary: z.unknown(),
    revert: ifAny(
      z.object({
        messageID: idOf("msg_"),
        partID: z.string().optional(),
        snapshot: z.string().optional(),
        files: z
          .array(
            z.object({
              file: z.string().optional(),
              patch: z.string().optional(),
              additions: finite,
              deletions: finite,
              status: status.optional(),
            }),
          )
          .optional(),
      }),
    ),
    time_idle: columnTime.nullish(),
    time_viewed: columnTime.nullish(),
    idle_outcome: z.enum(["succeeded", "failed", "interrupted"]).nullish(),
  })
  .superRefine(({ fork_session_id: origin, fork_boundary: boundary }, context) => {
    if (!origin || !boundary || forkBoundary.safeParse(boundary).success) return;
    context.addIssue({ code: "custom", path: ["fork_boundary"], message: "not the boundary of a fork" });
  });

const amount = z.int().nonnegative();

/** The schema of a session in the preview of opencode 2.x (read in its binary, and measured). */
export const SESSION_OF_PREVIEW = z.object({
  ...shared,
  directory: directory("paths of this system"),
  title: z.string(),
  revert: ifAny(
    z.object({
      messageID: idOf("msg_"),
      partID: z.string().optional(),
      snapshot: z.string().optional(),
      diff: z.string().optional(),
      files: z
        .array(z.object({ path: z.string(), status, additions: amount, deletions: amount, patch: z.string() }))
        .optional(),
    }),
  ),
});
