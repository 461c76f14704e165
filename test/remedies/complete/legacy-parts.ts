import { type LegacyRecord, merged, state, without } from "./legacy-record.ts";

export const LEGACY_PARTS: readonly LegacyRecord[] = [
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
];
