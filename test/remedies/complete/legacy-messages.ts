import { error, type Json, type LegacyRecord, merged, without } from "./legacy-record.ts";

export const LEGACY_MESSAGES: readonly LegacyRecord[] = [
  {
    name: "a message without role",
    rules: ["message-role"],
    change: (rows) => rows.message("assistant", without("role")),
  },
  {
    name: "a user message without role",
    rules: ["message-role"],
    change: (rows) => rows.message("user", without("role")),
  },
  { name: "a message without time", rules: ["message-time"], change: (rows) => rows.message("user", without("time")) },
  {
    name: "an assistant's time of null",
    rules: ["message-time"],
    change: (rows) =>
      rows.message("assistant", (data) => ({ ...data, time: { ...(data.time as Json), created: null } })),
  },
  {
    name: "an assistant without parent",
    rules: ["assistant-parent"],
    change: (rows) => rows.message("assistant", without("parentID")),
  },
  {
    name: "a parent of another kind",
    rules: ["assistant-parent"],
    change: (rows) => rows.message("assistant", merged({ parentID: "parent" })),
  },
  {
    name: "an assistant without agent",
    rules: ["message-agent"],
    change: (rows) => rows.message("assistant", without("agent")),
  },
  {
    name: "an assistant without agent and mode",
    rules: ["message-agent", "assistant-mode"],
    change: (rows) => rows.message("assistant", (data) => without("mode")(without("agent")(data))),
  },
  {
    name: "a user message without agent",
    rules: ["message-agent"],
    change: (rows) => rows.message("user", without("agent")),
  },
  {
    name: "an assistant without mode",
    rules: ["assistant-mode"],
    change: (rows) => rows.message("assistant", without("mode")),
  },
  {
    name: "a user message without model",
    rules: ["user-model"],
    change: (rows) => rows.message("user", without("model")),
  },
  {
    name: "a user's model without provider",
    rules: ["user-model"],
    change: (rows) => rows.message("user", without("model", "providerID")),
  },
  {
    name: "an assistant without model",
    rules: ["assistant-model"],
    change: (rows) => rows.message("assistant", (data) => without("modelID")(without("providerID")(data))),
  },
  {
    name: "an assistant without folders",
    rules: ["assistant-path"],
    change: (rows) => rows.message("assistant", without("path")),
  },
  {
    name: "an assistant without root",
    rules: ["assistant-path"],
    change: (rows) => rows.message("assistant", without("path", "root")),
  },
  {
    name: "a cost of null",
    rules: ["assistant-cost"],
    change: (rows) => rows.message("assistant", merged({ cost: null })),
  },
  {
    name: "an assistant without tokens",
    rules: ["assistant-tokens"],
    change: (rows) => rows.message("assistant", without("tokens")),
    differs: ["tokens.total"],
  },
  {
    name: "tokens of null",
    rules: ["assistant-tokens"],
    change: (rows) =>
      rows.message("assistant", (data) => ({
        ...data,
        tokens: { ...(data.tokens as Json), input: null, cache: null },
      })),
  },
  {
    name: "a user summary that is true",
    rules: ["user-summary"],
    change: (rows) => rows.message("user", merged({ summary: true })),
    differs: ["summary"],
  },
  {
    name: "a user summary that is empty",
    rules: ["user-summary"],
    change: (rows) => rows.message("user", merged({ summary: {} })),
    differs: ["summary"],
  },
  {
    name: "an output format",
    rules: ["output-format"],
    change: (rows) =>
      rows.message("user", merged({ format: { type: "json_schema", schema: { type: "object" }, retryCount: 2 } })),
  },
  { name: "an unknown error", rules: ["error-name"], change: error({ name: "Odd", data: {} }), differs: ["error"] },
  { name: "an error that is a text", rules: ["error-name"], change: error("odd"), differs: ["error"] },
  {
    name: "an error without its fields",
    rules: ["error-data"],
    change: error({ name: "APIError", data: { message: "no" } }),
    differs: ["error"],
  },
  {
    name: "a diff without counts",
    rules: ["diff-counts"],
    change: (rows) =>
      rows.message(
        "user",
        merged({ summary: { diffs: [{ file: "a.txt", patch: "--- a\n+++ b\n+x\n", additions: null }] } }),
      ),
    differs: ["summary"],
  },
  {
    name: "a fraction in an assistant's time",
    rules: ["whole-milliseconds"],
    change: (rows) =>
      rows.message("assistant", (data) => ({
        ...data,
        time: { ...(data.time as Json), created: Number((data.time as Json).created) + 0.5 },
      })),
  },
  {
    name: "a finish of null",
    rules: ["null-value"],
    change: (rows) => rows.message("assistant", merged({ finish: null })),
    differs: ["finish"],
  },
  {
    name: "a completion of null",
    rules: ["null-value"],
    change: (rows) =>
      rows.message("assistant", (data) => ({ ...data, time: { ...(data.time as Json), completed: null } })),
    differs: ["time.completed"],
  },
  {
    name: "a total of null",
    rules: ["null-value"],
    change: (rows) =>
      rows.message("assistant", (data) => ({ ...data, tokens: { ...(data.tokens as Json), total: null } })),
    differs: ["tokens.total"],
  },
  {
    name: "a message of which only the parts are left",
    rules: ["message-role", "message-time", "assistant-parent", "assistant-model"],
    change: (rows) => rows.message("assistant", () => ({})),
    differs: ["time", "finish", "tokens", "cost"],
  },
  {
    name: "a time that is a text",
    rules: ["message-time"],
    change: (rows) => rows.message("user", merged({ time: { created: "yesterday" } })),
  },
  {
    name: "numbers as texts",
    rules: ["number-as-text"],
    change: (rows) =>
      rows.message("assistant", (data) => ({
        ...data,
        cost: String(data.cost),
        time: { created: String((data.time as Json).created), completed: "2026-11-24T10:00:00.000Z" },
      })),
    differs: ["time.completed"],
  },
  {
    name: "a user's model as a text",
    rules: ["user-model"],
    change: (rows) =>
      rows.message("user", (data) => {
        const { providerID, modelID } = data.model as Json;
        return { ...data, model: `${providerID}/${modelID}` };
      }),
  },
  {
    name: "a user's model by its id",
    rules: ["user-model"],
    change: (rows) =>
      rows.message("user", (data) => {
        const { providerID, modelID } = data.model as Json;
        return { ...data, model: { providerID, id: modelID } };
      }),
  },
  {
    name: "an error that is only a message",
    rules: ["error-name"],
    change: error({ message: "no" }),
    differs: ["error"],
  },
  {
    name: "an old assistant, as many fields short as one can be",
    rules: ["message-agent", "assistant-mode", "assistant-parent", "assistant-path", "assistant-tokens"],
    change: (rows) =>
      rows.message("assistant", ({ path, ...data }) => ({
        ...without("agent")(without("mode")(without("parentID")(data))),
        path: { cwd: (path as Json).cwd },
        tokens: { input: (data.tokens as Json).input },
      })),
    differs: ["tokens.total"],
  },
];
