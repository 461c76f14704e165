import { z } from "zod";
import {
  finite,
  idOf,
  instant,
  jsonRecord,
  mention,
  modelRef,
  record,
  snapshot,
  tokenCounts,
  toolContent,
} from "./values.ts";

/**
 * The schemas by which opencode 2.0.26 decodes the documents of `session_message` (source:
 * packages/schema/src/session-message.ts; decoding: packages/core/src/session/history.ts). Keys that the schema does
 * not name are accepted. An optional key is absent, never `null`. Versions after 2.0.26 use the key `native` instead of
 * `state` and `providerState`, and rename the older keys when they read them.
 */
const base = { id: idOf("msg_"), metadata: record.optional(), time: z.object({ created: instant }) };

const base64 = z.string().regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);

const error = z.object({
  type: z.string(),
  message: z.string(),
  status: z.number().optional(),
  response: z.object({ body: z.string() }).optional(),
});

const location = z.object({ directory: z.string(), workspaceID: idOf("wrk").optional() });

const place = { location, projectID: z.string().optional(), subpath: z.string().optional() };

const prompted = {
  text: z.string(),
  files: z
    .array(
      z.object({
        data: base64,
        mime: z.string(),
        source: z.discriminatedUnion("type", [
          z.object({ type: z.literal("inline") }),
          z.object({ type: z.literal("uri"), uri: z.string() }),
        ]),
        name: z.string().optional(),
        description: z.string().optional(),
        mention: mention.optional(),
      }),
    )
    .optional(),
  agents: z.array(z.object({ name: z.string(), mention: mention.optional() })).optional(),
  skills: z.array(z.object({ id: z.string(), name: z.string() })).optional(),
};

const user = z.object({ ...base, ...prompted });

/** A prompt before it becomes a message (packages/schema/src/prompt.ts). */
export const prompt = z.object({ ...prompted, metadata: record.optional() });

const toolState = z.discriminatedUnion("status", [
  z.object({ status: z.literal("streaming"), input: z.string() }),
  z.object({ status: z.literal("running"), input: record, metadata: jsonRecord }),
  z.object({
    status: z.literal("completed"),
    input: record,
    content: z.array(toolContent).nonempty(),
    metadata: jsonRecord.optional(),
  }),
  z.object({
    status: z.literal("error"),
    input: record,
    error,
    content: z.array(toolContent).nonempty().optional(),
    metadata: jsonRecord.optional(),
  }),
]);

const content = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string(), state: record.optional() }),
  z.object({
    type: z.literal("reasoning"),
    text: z.string(),
    state: record.optional(),
    time: z.object({ created: instant, completed: instant.optional() }).optional(),
  }),
  z.object({
    type: z.literal("tool"),
    id: z.string(),
    name: z.string(),
    executed: z.boolean().optional(),
    providerState: record.optional(),
    providerResultState: record.optional(),
    state: toolState,
    time: z.object({ created: instant, ran: instant.optional(), completed: instant.optional() }),
  }),
]);

const assistant = z.object({
  ...base,
  agent: z.string(),
  model: modelRef,
  content: z.array(content),
  snapshot: snapshot.optional(),
  finish: z.enum(["stop", "length", "tool-calls", "content-filter", "error", "unknown"]).optional(),
  rawFinish: z.string().optional(),
  cost: finite.optional(),
  tokens: tokenCounts.optional(),
  error: error.optional(),
  retry: z.object({ attempt: z.int().positive(), at: instant, error }).optional(),
  time: z.object({ created: instant, streamed: instant.optional(), completed: instant.optional() }),
});

const compacted = { ...base, reason: z.enum(["auto", "manual"]) };
const usage = { cost: finite.optional(), tokens: tokenCounts.optional() };

const compaction = z.discriminatedUnion("status", [
  z.object({ ...compacted, status: z.literal("running"), summary: z.string(), recent: z.string() }),
  z.object({ ...compacted, ...usage, status: z.literal("completed"), summary: z.string(), recent: z.string() }),
  z.object({ ...compacted, ...usage, status: z.literal("failed"), error }),
]);

const shell = z.object({
  ...base,
  shellID: idOf("sh_"),
  command: z.string(),
  status: z.enum(["running", "exited", "timeout", "killed"]),
  exit: z.number().optional(),
  output: z
    .object({
      output: z.string(),
      cursor: z.int().nonnegative(),
      size: z.int().nonnegative(),
      truncated: z.boolean(),
    })
    .optional(),
  time: z.object({ created: instant, completed: instant.optional() }),
});

const described = z.object({ ...base, text: z.string(), description: z.string().optional() });

export const MESSAGES_OF_2_0: Readonly<Record<string, z.ZodType>> = {
  "agent-switched": z.object({ ...base, agent: z.string(), previous: z.string().optional() }),
  "model-switched": z.object({ ...base, model: modelRef, previous: modelRef.optional() }),
  "location-switched": z.object({ ...base, ...place, previous: z.object(place).optional() }),
  user,
  synthetic: described,
  system: described,
  skill: z.object({ ...base, skill: z.string(), name: z.string(), text: z.string() }),
  shell,
  assistant,
  compaction,
  idle: z.object({ ...base, outcome: z.enum(["succeeded", "failed", "interrupted"]) }),
};
