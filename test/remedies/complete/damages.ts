import type { Rows } from "../../host/healthy-rows.ts";

type Json = Record<string, unknown>;

/** A record as an older opencode, or another program, left it, and what completing it comes to. */
export interface LegacyRecord {
  readonly name: string;
  /** Rules of the catalogue that answer it. */
  readonly rules: readonly string[];
  change(rows: Rows): void;
  /** Places where the host's answer differs afterwards from the one before the damage; none where they are not said. */
  readonly differs?: readonly string[];
}

const without =
  (...path: readonly string[]) =>
  (data: Json): Json => {
    const [name = "", ...more] = path;
    const { [name]: inner, ...rest } = data;
    return more.length === 0 ? rest : { ...rest, [name]: without(...more)(inner as Json) };
  };
const merged = (value: Json) => (data: Json) => ({ ...data, ...value });
const state = (change: (state: Json) => Json) => (data: Json) => ({ ...data, state: change(data.state as Json) });
const error = (value: unknown) => (rows: Rows) => rows.message("assistant", merged({ error: value }));

export const LEGACY_RECORDS: readonly LegacyRecord[] = [
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
  { name: "a part without type", rules: ["part-type"], change: (rows) => rows.part("tool", without("type")) },
  {
    name: "the end of a step without reason",
    rules: ["step-finish-reason"],
    change: (rows) => rows.part("step-finish", without("reason")),
  },
  {
    name: "the end of a step without cost",
    rules: ["step-finish-cost"],
    change: (rows) => rows.part("step-finish", merged({ cost: null })),
  },
  {
    name: "the end of a step without tokens",
    rules: ["step-finish-tokens"],
    change: (rows) => rows.part("step-finish", without("tokens")),
    differs: ["tokens"],
  },
  {
    name: "a completed tool without title",
    rules: ["tool-title"],
    change: (rows) => rows.part("tool", state(without("title")), "completed"),
    differs: ["state.title"],
  },
  {
    name: "a completed tool without metadata",
    rules: ["tool-metadata"],
    change: (rows) => rows.part("tool", state(merged({ metadata: null })), "completed"),
    differs: ["state.metadata"],
  },
  {
    name: "a completed tool without time",
    rules: ["tool-time"],
    change: (rows) => rows.part("tool", state(without("time")), "completed"),
    differs: ["state.time"],
  },
  {
    name: "a failed tool of which only the error is left (#21489)",
    rules: ["tool-time"],
    change: (rows) =>
      rows.part(
        "tool",
        state(() => ({ status: "error", input: {}, raw: "", error: "Tool execution aborted" })),
        "completed",
      ),
    differs: ["state"],
  },
  {
    name: "a pending tool without input and raw",
    rules: ["tool-input", "tool-raw"],
    change: (rows) =>
      rows.part(
        "tool",
        state(() => ({ status: "pending" })),
        "completed",
      ),
    differs: ["state"],
  },
  {
    name: "an input that is a text",
    rules: ["tool-input"],
    change: (rows) =>
      rows.part(
        "tool",
        state((given) => ({ ...given, input: JSON.stringify(given.input) })),
        "completed",
      ),
  },
  {
    name: "attachments without ids",
    rules: ["attachment-ids"],
    change: (rows) =>
      rows.part(
        "tool",
        state(merged({ attachments: [{ mime: "text/plain", url: "data:text/plain,x" }] })),
        "completed",
      ),
    differs: ["state.attachments"],
  },
  {
    name: "reasoning without time",
    rules: ["reasoning-time"],
    change: (rows) => rows.part("reasoning", without("time")),
    differs: ["time"],
  },
  {
    name: "a text's time without start",
    rules: ["text-time"],
    change: (rows) => rows.part("text", merged({ time: { end: 4_000_000_000_000 } })),
    differs: ["time"],
  },
  {
    name: "a repetition without time",
    rules: ["retry-time"],
    change: (rows) =>
      rows.part("text", () => ({
        type: "retry",
        attempt: 1,
        error: { name: "APIError", data: { message: "no", isRetryable: true } },
      })),
    differs: ["type", "text", "attempt", "error", "time"],
  },
  {
    name: "a compaction without auto",
    rules: ["compaction-auto"],
    change: (rows) => rows.part("compaction", without("auto")),
  },
  {
    name: "a file's source without text",
    rules: ["file-source"],
    change: (rows) => rows.part("file", merged({ source: { type: "file", path: "main.txt" } })),
    differs: ["source"],
  },
  {
    name: "a part of a memory plugin (#17289)",
    rules: ["part-id"],
    change: (rows) => rows.copy("part", { id: "openmemory-context-1778756145902" }),
    differs: ["a part more"],
  },
  {
    name: "parts under old ids",
    rules: ["part-id"],
    change: (rows) => rows.run("update part set id = 'part' || substr(id, 4) where session_id = ?", rows.sessionID),
    differs: ["id"],
  },
  {
    name: "a part of no session",
    rules: ["part-session"],
    change: (rows) => rows.run("update part set session_id = 'xyz' where session_id = ?", rows.sessionID),
  },
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
    name: "a failed tool without its error",
    rules: ["tool-error"],
    change: (rows) =>
      rows.part(
        "tool",
        state(({ input, time }) => ({ status: "error", input, time })),
        "completed",
      ),
    differs: ["state"],
  },
  {
    name: "attachments under ids of another program",
    rules: ["attachment-ids"],
    change: (rows) =>
      rows.part(
        "tool",
        state(
          merged({
            attachments: [
              { id: "x", sessionID: "y", messageID: "z", type: "file", mime: "text/plain", url: "data:text/plain,x" },
            ],
          }),
        ),
        "completed",
      ),
    differs: ["state.attachments"],
  },
  {
    name: "a repetition of nothing",
    rules: ["retry-error", "retry-time"],
    change: (rows) => rows.part("text", () => ({ type: "retry", error: { name: "APIError" } })),
    differs: ["type", "text", "attempt", "error", "time"],
  },
  {
    name: "a patch without files",
    rules: ["patch-files"],
    change: (rows) => rows.part("text", () => ({ type: "patch", hash: "0123" })),
    differs: ["type", "text", "hash", "files", "time"],
  },
  {
    name: "a subtask without agent",
    rules: ["subtask-agent"],
    change: (rows) => rows.part("text", () => ({ type: "subtask", prompt: "p", description: "d" })),
    differs: ["type", "text", "prompt", "description", "agent", "time"],
  },
  {
    name: "a session's model that names nothing",
    rules: ["session-last-model"],
    change: (rows) => rows.session("model", "{}"),
    differs: ["model.variant"],
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

/** Readable, refused, and nothing says what they should be. */
export const UNANSWERED: readonly Pick<LegacyRecord, "name" | "change">[] = [
  { name: "a part of an unknown type", change: (rows) => rows.part("text", () => ({ type: "hologram" })) },
  { name: "a text without text", change: (rows) => rows.part("text", without("text")) },
  { name: "a tool without state", change: (rows) => rows.part("tool", without("state")) },
  {
    name: "a completed tool without output",
    change: (rows) => rows.part("tool", state(without("output")), "completed"),
  },
  {
    name: "an assistant of which one thing follows and another does not",
    change: (rows) => rows.message("assistant", (data) => ({ ...without("agent")(data), cost: "much" })),
  },
];
