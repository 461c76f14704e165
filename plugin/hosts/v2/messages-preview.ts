import { z } from "zod";
import {
  finite,
  idOf,
  instant,
  jsonRecord,
  jsonValue,
  mention,
  modelRef,
  snapshot,
  tokenCounts,
  toolContent,
} from "./values.ts";

/**
 * The schemas by which the preview of 2.x decodes the documents of `session_message`
 * (`@opencode-ai/cli-linux-x64@1.18.18`: read in its binary, and measured with `npm run oracle -- --host 2-preview`).
 */
const base = { id: idOf("msg_"), metadata: jsonRecord.optional(), time: z.object({ created: instant }) };

const file = z.object({
  uri: z.string(),
  mime: z.string(),
  name: z.string().optional(),
  description: z.string().optional(),
  source: mention.optional(),
});

const error = z.object({ type: z.literal("unknown"), message: z.string() });

const providerMetadata = z.record(z.string(), jsonRecord);

const contents = z.array(toolContent);

const toolState = z.discriminatedUnion("status", [
  z.object({ status: z.literal("pending"), input: z.string() }),
  z.object({ status: z.literal("running"), input: jsonRecord, structured: jsonRecord, content: contents }),
  z.object({
    status: z.literal("completed"),
    input: jsonRecord,
    attachments: z.array(file).optional(),
    content: contents,
    outputPaths: z.array(z.string()).optional(),
    structured: jsonRecord,
    result: jsonValue.optional(),
  }),
  z.object({
    status: z.literal("error"),
    input: jsonRecord,
    content: contents,
    structured: jsonRecord,
    error,
    result: jsonValue.optional(),
  }),
]);

const content = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), id: z.string(), text: z.string() }),
  z.object({
    type: z.literal("reasoning"),
    id: z.string(),
    text: z.string(),
    providerMetadata: providerMetadata.optional(),
    time: z.object({ created: instant, completed: instant.optional() }).optional(),
  }),
  z.object({
    type: z.literal("tool"),
    id: z.string(),
    name: z.string(),
    provider: z
      .object({
        executed: z.boolean(),
        metadata: providerMetadata.optional(),
        resultMetadata: providerMetadata.optional(),
      })
      .optional(),
    state: toolState,
    time: z.object({
      created: instant,
      ran: instant.optional(),
      completed: instant.optional(),
      pruned: instant.optional(),
    }),
  }),
]);

export const MESSAGES_OF_PREVIEW: Readonly<Record<string, z.ZodType>> = {
  "agent-switched": z.object({ ...base, agent: z.string() }),
  "model-switched": z.object({ ...base, model: modelRef }),
  user: z.object({
    ...base,
    text: z.string(),
    files: z.array(file).optional(),
    agents: z.array(z.object({ name: z.string(), source: mention.optional() })).optional(),
  }),
  synthetic: z.object({ ...base, sessionID: idOf("ses"), text: z.string() }),
  system: z.object({ ...base, text: z.string() }),
  shell: z.object({
    ...base,
    callID: z.string(),
    command: z.string(),
    output: z.string(),
    time: z.object({ created: instant, completed: instant.optional() }),
  }),
  assistant: z.object({
    ...base,
    agent: z.string(),
    model: modelRef,
    content: z.array(content),
    snapshot: snapshot.optional(),
    finish: z.string().optional(),
    cost: finite.optional(),
    tokens: tokenCounts.optional(),
    error: error.optional(),
    time: z.object({ created: instant, completed: instant.optional() }),
  }),
  compaction: z.object({
    ...base,
    reason: z.enum(["auto", "manual"]),
    summary: z.string(),
    recent: z.string(),
  }),
};
