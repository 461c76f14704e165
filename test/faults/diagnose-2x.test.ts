import { describe, expect, test } from "bun:test";
import { messageProblem, sessionProblems } from "../../plugin/faults/diagnose-2x.ts";
import { PROFILES } from "../../plugin/hosts/v2/profiles.ts";
import type { RowValues } from "../../plugin/model/artifact.ts";
import type { RowOf2x, StoredValue } from "../../plugin/model/row-2x.ts";
import { PREVIEW_DOCUMENTS } from "../host/preview-store.ts";

const profile = PROFILES["2.0.26"];
const time = { created: 1790000000000 };
const model = { id: "scripted", providerID: "loopback" };
const assistant = { agent: "build", model, content: [], time };
const file = { data: "aGk=", mime: "text/plain", source: { type: "inline" } };

function stored(bytes: Uint8Array | string, storage: StoredValue["storage"] = "text"): StoredValue {
  const own = Buffer.from(bytes);
  return { storage, size: own.length, bytes: own };
}

function row(type: string, data: unknown, id = "msg_1"): RowOf2x {
  const value = typeof data === "string" || data instanceof Uint8Array ? data : JSON.stringify(data);
  return { values: { id, type, session_id: "ses_1", seq: 1 }, json: new Map([["data", stored(value)]]) };
}

/**
 * What the diagnosis says about a message: `null`, `unreadable`, or the place in the message and what is wrong there.
 */
function said(type: string, data: unknown, id?: string): string | null {
  const problem = messageProblem(profile, row(type, data, id));
  if (problem === null) return null;
  return problem.isUnreadable ? `unreadable: ${problem.fault.code}` : problem.evidence;
}

const tool = (state: unknown, more: object = {}) => ({
  ...assistant,
  content: [{ type: "tool", id: "call_1", name: "bash", state, time, ...more }],
});
const done = { status: "completed", input: {}, content: [{ type: "text", text: "b" }] };
const compaction = { status: "completed", reason: "auto", summary: "s", recent: "r", time };
const shell = { shellID: "sh_1", command: "ls", status: "exited", time };
const user = { text: "t", time };

/**
 * These results were measured with opencode's own schema of 2.0.26 and its schema library. `null` means that opencode
 * decodes the message.
 */
const CASES: readonly (readonly [name: string, type: string, data: unknown, said: string | RegExp | null])[] = [
  ["empty", "user", "", "unreadable: empty"],
  ["spaces", "user", "   ", "unreadable: empty"],
  ["cut", "user", '{"text":"t', "unreadable: truncated"],
  ["a NUL tail", "user", `${JSON.stringify(user)}\0\0`, "unreadable: nul-tail"],
  ["all NUL", "user", "\0\0\0\0", "unreadable: nul-filled"],
  ["a byte order mark", "user", `\ufeff${JSON.stringify(user)}`, "unreadable: malformed"],
  ["null", "user", null, /^time: missing/],
  ["a list", "user", [], /^time: missing/],
  ["a number", "user", 5, /^time: missing/],
  ["encoded twice", "user", JSON.stringify(JSON.stringify(user)), /^time: missing/],
  ["no text", "user", { time }, "text: missing"],
  ["an empty text", "user", { text: "", time }, null],
  ["no time", "user", { text: "t" }, "time: missing"],
  ["a time with a fraction", "user", { text: "t", time: { created: 1.5 } }, null],
  ["a negative time", "user", { text: "t", time: { created: -1 } }, null],
  ["a time as text", "user", { text: "t", time: { created: "1" } }, "time.created: expected a number, got a string"],
  ["a time that no date holds", "user", '{"text":"t","time":{"created":1e300}}', "time.created: not a time"],
  ["more keys", "user", { ...user, native: 1, extra: null }, null],
  ["files null", "user", { ...user, files: null }, "files: expected an array, got null"],
  ["metadata null", "user", { ...user, metadata: null }, "metadata: expected an object, got null"],
  ["a file", "user", { ...user, files: [file] }, null],
  ["a file without content", "user", { ...user, files: [{ ...file, data: "" }] }, null],
  [
    "a file of the beta",
    "user",
    { ...user, files: [{ uri: "file:///a", mime: "text/plain" }] },
    /^files\[0\]\.data: missing/,
  ],
  ["a user typed assistant", "assistant", user, /^agent: missing/],
  ["an unknown type", "unheard-of", user, "type: unknown value"],
  ["a type that every object has", "toString", user, "type: unknown value"],
  ["an answer", "assistant", assistant, null],
  ["no model", "assistant", { ...assistant, model: undefined }, "model: missing"],
  ["the model of 1.x", "assistant", { ...assistant, model: { providerID: "a", modelID: "b" } }, "model.id: missing"],
  ["an item null", "assistant", { ...assistant, content: [null] }, /^content\[0\]/],
  ["cost null", "assistant", { ...assistant, cost: null }, "cost: expected a number, got null"],
  ["cost negative", "assistant", { ...assistant, cost: -1 }, null],
  [
    "tokens without cache",
    "assistant",
    { ...assistant, tokens: { input: 1, output: 1, reasoning: 0 } },
    "tokens.cache: missing",
  ],
  ["an unknown finish", "assistant", { ...assistant, finish: "weird" }, /^finish: expected stop or/],
  ["an error", "assistant", { ...assistant, error: { type: "unknown", message: "m" } }, null],
  [
    "the error of 1.x",
    "assistant",
    { ...assistant, error: { name: "UnknownError", data: {} } },
    /^error\.type: missing/,
  ],
  ["a tool", "assistant", tool(done), null],
  ["a tool that returned nothing", "assistant", tool({ ...done, content: [] }), /^content\[0\]\.state\.content/],
  [
    "a tool without content",
    "assistant",
    tool({ status: "completed", input: {} }),
    "content[0].state.content: missing",
  ],
  ["an input as text", "assistant", tool({ ...done, input: "x" }), /^content\[0\]\.state\.input: expected/],
  [
    "running as in the beta",
    "assistant",
    tool({ status: "running", input: {}, structured: {}, content: [] }),
    "content[0].state.metadata: missing",
  ],
  [
    "streaming an object",
    "assistant",
    tool({ status: "streaming", input: {} }),
    /^content\[0\]\.state\.input: expected a string/,
  ],
  [
    "a tool that failed",
    "assistant",
    tool({ status: "error", input: {}, error: { type: "unknown", message: "m" } }),
    null,
  ],
  [
    "one that failed with an empty content",
    "assistant",
    tool({ status: "error", input: {}, error: { type: "a", message: "m" }, content: [] }),
    /^content\[0\]\.state\.content/,
  ],
  [
    "an error as text",
    "assistant",
    tool({ status: "error", input: {}, error: "m" }),
    /^content\[0\]\.state\.error: expected/,
  ],
  ["pending as in 1.x", "assistant", tool({ status: "pending", input: {}, raw: "" }), /^content\[0\]\.state/],
  ["a tool without state", "assistant", tool(undefined), /^content\[0\]\.state/],
  ["a tool without time", "assistant", tool(done, { time: undefined }), "content[0].time: missing"],
  ["callID for id", "assistant", tool(done, { id: undefined, callID: "call_1" }), "content[0].id: missing"],
  ["a compaction", "compaction", compaction, null],
  ["a compaction of the beta", "compaction", { ...compaction, status: undefined }, /^status/],
  ["a compaction without recent", "compaction", { ...compaction, recent: undefined }, "recent: missing"],
  ["synthetic", "synthetic", user, null],
  ["synthetic with the id of its session", "synthetic", { ...user, sessionID: "ses_1" }, null],
  ["shell", "shell", shell, null],
  ["shell of the beta", "shell", { callID: "a", command: "ls", output: "b", time }, /^shellID: missing/],
  ["a model of 1.15", "model-switched", { model: { ...model, variant: "high" }, time }, null],
  ["another folder", "location-switched", { location: { directory: "/a" }, time }, null],
  ["idle", "idle", { outcome: "succeeded", time }, null],
  ["a lone surrogate", "user", '{"text":"\\ud800","time":{"created":1}}', null],
  ["a key twice", "user", '{"text":1,"text":"t","time":{"created":1}}', null],
  ["a key named __proto__", "user", '{"text":"t","time":{"created":1},"__proto__":{"a":1}}', null],
  ["an id and a type of its own", "user", { ...user, id: "other", type: "assistant" }, null],
];

describe("a message of 2.0.26", () => {
  test.each(CASES)("%s", (_name, type, data, expected) => {
    const found = said(type, data);
    if (expected instanceof RegExp) expect(found).toMatch(expected);
    else expect(found).toBe(expected);
  });

  test("a BLOB is not text, whatever it says", () => {
    const data = stored(JSON.stringify(user), "blob");
    const problem = messageProblem(profile, { values: { id: "msg_1", type: "user" }, json: new Map([["data", data]]) });
    expect(problem).toMatchObject({ isUnreadable: true, fault: { code: "binary-value" } });
  });

  test("an id must begin with msg_, underscore included", () => {
    expect(said("user", user, "msgX1")).toBe('id: does not begin with "msg_"');
  });

  test("what is too large to be held is not judged", () => {
    const data: StoredValue = { storage: "text", size: 1e9, bytes: null };
    const problem = messageProblem(profile, { values: { id: "msg_1", type: "user" }, json: new Map([["data", data]]) });
    expect(problem).toMatchObject({ isUnreadable: false, fault: { code: "giant-record" } });
  });

  test("no content is in what is said", () => {
    const secret = "sk-secret";
    const metadata = { [secret]: 1 };
    const found = [
      said("assistant", { ...assistant, finish: secret }),
      said("assistant", tool({ ...done, input: secret, metadata })),
      messageProblem(
        PROFILES["2 preview"],
        row("assistant", {
          ...assistant,
          content: [{ type: "reasoning", id: "a", text: "", providerMetadata: metadata }],
        }),
      )?.evidence,
    ];
    expect(found.every((each) => typeof each === "string" && !each.includes(secret))).toBe(true);
  });
});

test.each(PREVIEW_DOCUMENTS)("a message of the preview (%s) fits it, and is no message of 1.x", (type, data) => {
  expect(messageProblem(PROFILES["2 preview"], row(type, data))).toBeNull();
});

describe("a session of 2.0.26", () => {
  const values: RowValues = {
    ...{ id: "ses_1", project_id: "global", parent_id: null, workspace_id: null, fork_session_id: null, slug: "s" },
    ...{ directory: "/work", path: null, title: null, version: "2.0.26", agent: null, cost: 0, tokens_input: 0 },
    ...{ tokens_output: 0, tokens_reasoning: 0, tokens_cache_read: 0, tokens_cache_write: 0 },
    ...{
      time_created: 1,
      time_updated: 1,
      time_archived: null,
      time_idle: null,
      time_viewed: null,
      idle_outcome: null,
    },
  };
  const problems = (more: RowValues, json: Readonly<Record<string, string>> = {}) =>
    sessionProblems(profile, {
      values: { ...values, ...more },
      json: new Map(Object.entries(json).map(([column, text]) => [column, stored(text)])),
    }).map(({ column, evidence, isUnreadable }) => `${column ?? "row"}: ${isUnreadable ? "unreadable" : evidence}`);

  /**
   * With each of these values, 2.x answers 500 for the whole list (measured with a build of July, and with the
   * preview).
   */
  test.each([
    ["metadata", "{", "metadata: unreadable"],
    ["model", "", "model: unreadable"],
    ["summary_diffs", "[", "summary_diffs: unreadable"],
    ["permission", "x", "permission: unreadable"],
    ["fork_boundary", "{", "fork_boundary: unreadable"],
    ["model", '{"providerID":"a","modelID":"b"}', "model: model.id: missing"],
    ["revert", '{"a":1}', "revert: revert.messageID: missing"],
    ["metadata", '"x"', "metadata: metadata: expected an object, got a string"],
    ["permission", "{}", "permission: permission: expected an array, got an object"],
    // Rules in the form of 1.x.
    [
      "permission",
      '[{"permission":"bash","pattern":"*","action":"ask"}]',
      "permission: permission[0].resource: missing and 1 more",
    ],
  ])("%s = %s", (column, text, expected) => {
    expect(problems({}, { [column]: text })).toEqual([expected]);
  });

  test.each([
    [{ directory: "work" }, "row: directory: not an absolute path"],
    [{ directory: "http://localhost/x" }, "row: directory: not an absolute path"],
    [{ parent_id: "other" }, 'row: parent_id: does not begin with "ses"'],
    [{ workspace_id: "other" }, 'row: workspace_id: does not begin with "wrk"'],
    [{ time_created: "abc" }, "row: time_created: not a time"],
    [{ cost: "abc" }, "row: cost: expected a number, got a string"],
  ] as const)("%p", (more, expected) => {
    expect(problems(more)).toEqual([expected]);
  });

  /** With each of these values, 2.x answers 200 (measured with a build of July). */
  test.each([
    [{ directory: "" }, {}],
    [{ path: "http://localhost/x" }, {}],
    [{ title: "" }, {}],
    [{ time_updated: 1.5 }, {}],
    [{ directory: "C:/work" }, {}],
    [{ parent_id: "" }, { model: "null", revert: "null", metadata: "null" }],
    [{}, { model: '{"id":"a","providerID":"b","variant":null}' }],
    [{ idle_outcome: "failed", time_idle: 5, time_viewed: 0 }, {}],
  ] as const)("%p %p is listed", (more, json) => {
    expect(problems(more, json)).toEqual([]);
  });

  test("the boundary of a fork is looked at where the row names its origin", () => {
    const boundary = (text: string, fork_session_id: string | null = "ses_0") =>
      problems({ fork_session_id }, { fork_boundary: text });
    expect(boundary('{"type":"before","messageID":"msg_1"}')).toEqual([]);
    expect(boundary('{"type":"at"}')).toEqual(["fork_boundary: fork_boundary: not the boundary of a fork"]);
    expect(boundary('{"type":"at"}', null)).toEqual([]);
    expect(
      problems({}, { permission: '[{"action":"bash","resource":"*","effect":"ask"}]', metadata: '{"a":[1]}' }),
    ).toEqual([]);
  });

  test("several columns of a row are one finding", () => {
    expect(problems({ cost: "a", tokens_input: "b" })).toEqual([
      "row: cost: expected a number, got a string, tokens_input: expected a number, got a string",
    ]);
  });
});
