import { describe, expect, test } from "bun:test";
import { diagnose } from "../../plugin/faults/diagnose.ts";
import type { Artifact, Evidence, RowValues } from "../../plugin/model/artifact.ts";
import type { StoreDescription } from "../../plugin/model/store-description.ts";
import { type Json, type JsonObject, sampleMessage, samplePart } from "../records/samples.ts";

const HOUR_MS = 3_600_000;
const now = Date.parse("2026-11-23T12:00:00Z");
const ids = { sessionID: "ses_1", messageID: "msg_1", partID: "prt_1" };

const strict: StoreDescription = {
  generation: "sqlite",
  dataDir: "/data",
  contract: "strict",
  hostVersion: "1.18.33",
  sessionDiffReader: null,
};
const files: StoreDescription = {
  generation: "json",
  dataDir: "/data",
  contract: "syntax",
  hostVersion: "1.1.65",
  sessionDiffReader: "1.1",
};

const since14: StoreDescription = {
  ...strict,
  contract: "syntax",
  hostVersion: "1.14.41",
  sessionDiffReader: "1.14",
};
const sandboxes = row("project", "p1", "sandboxes");
const BOOT = "every request to a newly started opencode";

interface Case {
  readonly artifact: Artifact;
  readonly value: Json;
  readonly evidence?: Partial<Evidence>;
  readonly store?: StoreDescription;
}

function row(kind: "part" | "message" | "session" | "project", id: string, column?: string): Artifact {
  const locator = { table: kind, key: { id }, ...(column === undefined ? {} : { column }) };
  return { kind, sessionID: "ses_1", recordID: id, locator };
}

function file(kind: "session" | "project", id: string): Artifact {
  return { kind, sessionID: null, recordID: id, locator: { path: `storage/${kind}/p/${id}.json` } };
}

function diagnosed({ artifact, value, evidence, store = strict }: Case) {
  const bytes = Buffer.from(JSON.stringify(value));
  const found = diagnose(
    artifact,
    {
      storage: store.generation === "json" ? "file" : "text",
      size: bytes.length,
      bytes,
      shape: null,
      sha256: null,
      stray: null,
      ioError: null,
      mtimeMs: null,
      row: null,
      position: 1,
      siblings: 3,
      updatedMs: now,
      reachable: true,
      sessionID: "ses_1",
      ...evidence,
    },
    store,
    now,
  );
  return found === null ? null : [found.fault.code, found.severity, found.remedy, found.evidence];
}

function rowOf(values: RowValues): Case {
  return { artifact: row("session", "ses_1"), value: null, evidence: { storage: "row", bytes: null, row: values } };
}

function partOf(type: string, change: (sample: Record<string, Json>) => Json | undefined): Case {
  return { artifact: row("part", "prt_1"), value: changed(samplePart(ids), "type", type, change) };
}

function messageOf(role: string, change: (sample: Record<string, Json>) => Json | undefined): Case {
  return { artifact: row("message", "msg_1"), value: changed(sampleMessage(ids), "role", role, change) };
}

function changed(
  samples: readonly JsonObject[],
  tag: string,
  name: string,
  change: (sample: Record<string, Json>) => Json | undefined,
): Json {
  const sample = structuredClone(samples.find((each) => each[tag] === name)) as Record<string, Json>;
  return change(sample) ?? sample;
}

function without(key: string): (sample: Record<string, Json>) => undefined {
  return (sample) => {
    delete sample[key];
    return undefined;
  };
}

const tool = (state: JsonObject): Case => ({
  artifact: row("part", "prt_1"),
  value: { type: "tool", callID: "c", tool: "bash", state },
});

const MESSAGES = "GET /session/:id/message fails";
const LIST = "GET /session fails";

const cases: Readonly<Record<string, readonly [Case, readonly unknown[] | null]>> = {
  "a pending tool without its raw text": [
    tool({ status: "pending", input: {} }),
    ["legacy-fields", "blocking", "normalise", `parts[1].state.raw: missing; ${MESSAGES}`],
  ],
  "an aborted tool without time (#21489)": [
    tool({ status: "error", input: {}, raw: "", error: "Tool execution aborted" }),
    ["legacy-fields", "blocking", "normalise", `parts[1].state.time: missing; ${MESSAGES}`],
  ],
  "a completed tool without title and metadata": [
    tool({ status: "completed", input: {}, output: "", time: { start: 1, end: 2 } }),
    ["legacy-fields", "blocking", "normalise", `parts[1].state.title: missing and 1 more; ${MESSAGES}`],
  ],
  "a step without reason": [
    partOf("step-finish", without("reason")),
    ["legacy-fields", "blocking", "normalise", `parts[1].reason: missing; ${MESSAGES}`],
  ],
  "a user's message without agent (#29908)": [
    messageOf("user", without("agent")),
    ["legacy-fields", "blocking", "normalise", `info.agent: missing; ${MESSAGES}`],
  ],
  "an answer without a parent": [
    messageOf("assistant", without("parentID")),
    ["legacy-fields", "blocking", "normalise", `info.parentID: missing; ${MESSAGES}`],
  ],
  "a missing text, which follows from nothing": [
    partOf("text", without("text")),
    ["schema-mismatch", "blocking", "normalise", `parts[1].text: missing; ${MESSAGES}`],
  ],
  "a cost of null (#38703)": [
    partOf("step-finish", (sample) => ({ ...sample, cost: null })),
    ["null-number", "blocking", "normalise", `parts[1].cost: expected a number, got null; ${MESSAGES}`],
  ],
  "a total of null (#38703)": [
    messageOf("assistant", (sample) => ({ ...sample, tokens: { ...(sample.tokens as JsonObject), total: null } })),
    ["null-number", "blocking", "normalise", `info.tokens.total: expected a number, got null; ${MESSAGES}`],
  ],
  "a fractional time": [
    partOf("reasoning", (sample) => ({ ...sample, time: { start: 1.5 } })),
    ["schema-mismatch", "blocking", "normalise", `parts[1].time.start: expected an integer, got a number; ${MESSAGES}`],
  ],
  "an unknown type of part": [
    { artifact: row("part", "prt_1"), value: { type: "hologram" } },
    ["schema-mismatch", "blocking", "normalise", `parts[1].type: unknown value; ${MESSAGES}`],
  ],
  "a header that is not a text, its name unsaid": [
    partOf("retry", (sample) => {
      const error = structuredClone(sample.error) as { data: { responseHeaders: Record<string, Json> } };
      error.data.responseHeaders.secret = 5;
      return { ...sample, error: error as unknown as Json };
    }),
    [
      "schema-mismatch",
      "blocking",
      "normalise",
      `parts[1].error.data.responseHeaders[…]: expected a string, got a number; ${MESSAGES}`,
    ],
  ],
  "a part of a memory plugin (#17289)": [
    { artifact: row("part", "openmemory-context-1778756145902"), value: { type: "text", text: "x" } },
    ["foreign-part", "blocking", "normalise", `parts[1].id: does not begin with "prt"; ${MESSAGES}`],
  ],
  "an old id of a part": [
    { artifact: row("part", "part_abc"), value: { type: "text", text: "x" } },
    ["wrong-id", "blocking", "normalise", `parts[1].id: does not begin with "prt"; ${MESSAGES}`],
  ],
  "structured output that was asked for (#26929)": [
    messageOf("user", (sample) => ({ ...sample, format: { type: "json_schema", schema: {}, retryCount: 2 } })),
    ["json-schema-format", "blocking", "normalise", `info.format: is there; ${MESSAGES}`],
  ],
  "a model in the old shape (#26435)": [
    { artifact: row("session", "ses_1", "model"), value: { providerID: "opencode", modelID: "big-pickle" } },
    ["legacy-model", "blocking", "normalise", `model.id: missing; ${LIST}`],
  ],
  "a model in the old shape on 1.14": [
    {
      artifact: row("session", "ses_1", "model"),
      value: { providerID: "opencode", modelID: "big-pickle" },
      store: { ...strict, contract: "syntax", sessionDiffReader: "1.14" },
    },
    ["legacy-model", "blocking", "normalise", `model.id: missing; ${LIST}`],
  ],
  "a URL as a folder (#50401)": [
    rowOf({ id: "ses_1", directory: "http://localhost:3333/L2hv/session/ses_1" }),
    ["path-not-absolute", "blocking", "normalise", `directory: not an absolute path; ${LIST}`],
  ],
  "a workspace that is gone": [
    rowOf({ id: "ses_1", workspace_id: "wrk_1", workspace: null }),
    ["unknown-workspace", "blocking", "normalise", `workspace_id: names a workspace that is not there; ${LIST}`],
  ],
  "a session's file under another name": [
    { artifact: file("session", "ses_1"), value: { id: "ses_2", time: { created: 1, updated: 1 } }, store: files },
    ["id-differs", "blocking", "normalise", `id: differs from the name of the file; ${LIST}`],
  ],
  "a session's file without time, which only ?start= minds": [
    { artifact: file("session", "ses_1"), value: { id: "ses_1" }, store: files },
    ["schema-mismatch", "warning", "normalise", "time: missing; GET /session?start= fails"],
  ],
  "sandboxes of a number, which 1.14 minds only in another worktree": [
    { artifact: sandboxes, value: 7, store: since14 },
    [
      "schema-mismatch",
      "warning",
      "normalise",
      `sandboxes: expected an array, got a number; ${BOOT} in another worktree of the project fails`,
    ],
  ],
  "sandboxes of an array-like object, whose elements 1.14 looks for": [
    { artifact: sandboxes, value: { length: 1 }, store: since14 },
    [
      "schema-mismatch",
      "blocking",
      "normalise",
      `sandboxes: expected an array, got an object and 1 more; ${BOOT} fails`,
    ],
  ],
  "sandboxes of null on 1.14": [
    { artifact: sandboxes, value: null, store: since14 },
    ["schema-mismatch", "blocking", "normalise", `sandboxes: expected an array, got null; ${BOOT} fails`],
  ],
  "sandboxes of a number on 1.2": [
    { artifact: sandboxes, value: 7, store: { ...since14, hostVersion: "1.2.27", sessionDiffReader: "1.1" } },
    ["schema-mismatch", "blocking", "normalise", `sandboxes: expected an array, got a number; ${BOOT} fails`],
  ],
  "a tool that ran when the process died": [
    { ...tool({ status: "running", input: {}, time: { start: 1 } }), evidence: { updatedMs: now - 30 * HOUR_MS } },
    ["unfinished-tool", "warning", "settle", "unchanged for 30 hours"],
  ],
  "a tool of a turn under way": [tool({ status: "running", input: {}, time: { start: 1 } }), null],
  "an answer that never ended": [
    {
      ...messageOf("assistant", (sample) => ({ ...sample, time: { created: 1 } })),
      evidence: { updatedMs: now - 2 * HOUR_MS },
    },
    ["unfinished-turn", "warning", "settle", "unchanged for 2 hours"],
  ],
  "an orphan that would not load": [
    { artifact: row("part", "prt_1"), value: { type: "hologram" }, evidence: { reachable: false } },
    ["schema-mismatch", "warning", "normalise", "parts[1].type: unknown value; no session leads to it"],
  ],
};

describe("a readable record that its host refuses", () => {
  for (const [what, [given, expected]] of Object.entries(cases)) {
    test(what, () => expect(diagnosed(given)).toEqual(expected as ReturnType<typeof diagnosed>));
  }
});

describe("evidence", () => {
  test("holds no content", () => {
    const secret = "the-secret-of-the-user";
    const everywhere = (value: Json): Json => {
      if (typeof value === "string") return secret;
      if (Array.isArray(value)) return value.map(everywhere);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, everywhere(each)]));
    };
    for (const sample of [...samplePart(ids), ...sampleMessage(ids)]) {
      const kind = "role" in sample ? "message" : "part";
      const tag = kind === "part" ? "type" : "role";
      const value = { ...(everywhere(sample) as JsonObject), [tag]: sample[tag] ?? null };
      expect(JSON.stringify(diagnosed({ artifact: row(kind, "x"), value }))).not.toContain(secret);
    }
  });
});
