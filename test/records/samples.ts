/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonObject = { readonly [key: string]: Json };

/** The ids that a sample uses where its document names other records. */
export interface SampleIDs {
  readonly sessionID: string;
  readonly messageID: string;
  readonly partID: string;
}

const tokens = { total: 40, input: 12, output: 7, reasoning: 0, cache: { read: 1.5, write: 0 } };
const time = { start: 1_790_000_000_000, end: 1_790_000_000_500 };
const input = { command: "true", nested: { list: [1, null, { deep: true }] } };
const sourceText = { value: "@main.txt", start: 0, end: 9 };
const metadata = { provider: { key: ["value"] } };

function file(source: Json): JsonObject {
  return { type: "file", mime: "text/plain", filename: "main.txt", url: "file:///main.txt", source };
}

const range = { start: { line: 1, character: 0 }, end: { line: 2, character: 5 } };

const apiError = {
  name: "APIError",
  data: {
    message: "overloaded",
    statusCode: 529,
    isRetryable: true,
    responseHeaders: { "retry-after": "5" },
    responseBody: "{}",
    metadata: { url: "https://example.invalid" },
  },
};

/** Documents of every part type and tool state. Together they have every field that opencode 1.17 and 1.18 know. */
export function samplePart({ sessionID, messageID, partID }: SampleIDs): readonly JsonObject[] {
  const attachment = {
    ...file({ type: "file", text: sourceText, path: "main.txt" }),
    id: partID,
    sessionID,
    messageID,
  };
  const tool = (state: JsonObject): JsonObject => ({ type: "tool", callID: "call_1", tool: "bash", state, metadata });
  return [
    { type: "text", text: "words", synthetic: false, ignored: true, time, metadata },
    { type: "text", text: "" },
    { type: "reasoning", text: "thoughts", time, metadata },
    file({ type: "file", text: sourceText, path: "main.txt" }),
    file({ type: "symbol", text: sourceText, path: "main.txt", range, name: "main", kind: 12 }),
    file({ type: "resource", text: sourceText, clientName: "server", uri: "res://main" }),
    { type: "agent", name: "build", source: { value: "@build", start: 0, end: 6 } },
    tool({ status: "pending", input, raw: "{}" }),
    tool({ status: "running", input, title: "Runs", metadata, time: { start: time.start } }),
    tool({
      status: "completed",
      input,
      output: "done",
      title: "Ran",
      metadata,
      time: { ...time, compacted: 1_790_000_001_000 },
      attachments: [attachment],
    }),
    tool({ status: "error", input, error: "failed", metadata, time }),
    { type: "step-start", snapshot: "4b825dc642cb6eb9a060e54bf8d69288fbee4904" },
    { type: "step-finish", reason: "stop", snapshot: "", cost: 0.25, tokens },
    { type: "snapshot", snapshot: "4b825dc642cb6eb9a060e54bf8d69288fbee4904" },
    { type: "patch", hash: "4b825dc642cb6eb9a060e54bf8d69288fbee4904", files: ["/main.txt", "/notes.txt"] },
    {
      type: "subtask",
      prompt: "look",
      description: "Looks",
      agent: "general",
      model: { providerID: "loopback", modelID: "scripted" },
      command: "look",
    },
    { type: "retry", attempt: 2, error: apiError, time: { created: time.start } },
    { type: "compaction", auto: true, overflow: false, tail_start_id: messageID },
  ];
}

const diff = { file: "main.txt", patch: "@@", additions: 1, deletions: 0, status: "modified" };

const errors: readonly Json[] = [
  { name: "ProviderAuthError", data: { providerID: "loopback", message: "no key" } },
  { name: "UnknownError", data: { message: "odd", ref: "err_1" } },
  { name: "MessageOutputLengthError", data: {} },
  { name: "MessageAbortedError", data: { message: "aborted" } },
  { name: "StructuredOutputError", data: { message: "no", retries: 2 } },
  { name: "ContextOverflowError", data: { message: "long", responseBody: "{}" } },
  { name: "ContentFilterError", data: { message: "no" } },
  apiError,
];

/** Documents of messages of both roles with every field, and one document for each kind of error. */
export function sampleMessage({ messageID }: SampleIDs): readonly JsonObject[] {
  const assistant: JsonObject = {
    role: "assistant",
    time: { created: time.start, completed: time.end },
    parentID: messageID,
    modelID: "scripted",
    providerID: "loopback",
    mode: "build",
    agent: "build",
    path: { cwd: "/project", root: "/project" },
    summary: true,
    cost: 0.5,
    tokens,
    structured: { answer: 42 },
    variant: "high",
    finish: "stop",
  };
  const user: JsonObject = {
    role: "user",
    time: { created: time.start },
    summary: { title: "A title", body: "A body", diffs: [diff, { additions: 0, deletions: 2 }] },
    agent: "build",
    model: { providerID: "loopback", modelID: "scripted", variant: "high" },
    system: "Be brief.",
    tools: { bash: true, edit: false },
  };
  return [
    user,
    user,
    user,
    { ...user, format: { type: "text" } },
    { ...user, format: { type: "json_schema", schema: { type: "object" }, retryCount: 2 } },
    assistant,
    ...errors.map((error) => ({ ...assistant, error })),
  ];
}

/** Values for a JSON column. At least one value has every field of the column. */
export function sampleColumn(column: string, { messageID, partID }: SampleIDs): readonly Json[] {
  switch (column) {
    case "revert":
      return [{ messageID, partID, snapshot: "4b825dc", diff: "@@" }, { messageID, partID: "" }, null, false, 0, ""];
    case "model":
      return [{ id: "scripted", providerID: "loopback", variant: "high" }, null, 0, ""];
    case "permission":
      return [[{ permission: "bash", pattern: "*", action: "allow" }], [], null, false, ""];
    case "metadata":
      return [{ key: "value", nested: { list: [1] } }, {}, null];
    case "summary_diffs":
      return [[diff, { additions: 0, deletions: 2 }], [], null];
    case "sandboxes":
      return [["/elsewhere"], []];
    default:
      return [{ start: "true" }, null];
  }
}
