import { expect, test } from "bun:test";
import fc from "fast-check";
import { isShownBy, mismatchesOnScreen } from "../../plugin/hosts/screen.ts";
import type { NewerMessages, ShownIn } from "../../plugin/model/artifact.ts";
import { SEED } from "../process/seed.ts";
import { HEALTHY_CALLS } from "./healthy-calls.ts";
import { OLDEST_SCREENS, SCREEN } from "./screens.ts";

const SCREENS = [...Object.values(OLDEST_SCREENS), ...Object.values(SCREEN)];

const KEYS = [
  ...["type", "text", "synthetic", "mime", "filename", "tool", "state", "role", "mode", "modelID", "time", "error"],
  ...["status", "input", "output", "metadata", "error", "data", "message", "finish", "tokens", "cache", "completed"],
  ...["filePath", "path", "pattern", "query", "command", "workdir", "description", "todos", "content", "questions"],
  ...["question", "answers", "diagnostics", "files", "deletions", "summary", "length", "severity", "range", "start"],
  ...["constructor", "__proto__", "toString", "filter", "0", "1"],
];

/** Values that change what a screen does with a record. */
const TEXTS = [
  ...[
    "text",
    "reasoning",
    "file",
    "tool",
    "step-start",
    "patch",
    "user",
    "assistant",
    "completed",
    "error",
    "running",
    "pending",
    "stop",
  ],
  ...["tool-calls", "unknown", "a/b.ts", "__proto__", "constructor", "toString", "valueOf", "MessageAbortedError", ""],
  ...["bash", "read", "write", "edit", "task", "todowrite", "question", "apply_patch", "glob", "skill", "a_plugin"],
];

/** The documents are JSON texts, because only JSON texts can contain `1e999` or a key `__proto__`. */
const documents = fc.letrec<{ any: string; object: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom("null", "true", "0", "5", "1e999", "-1", "[]", "{}"),
    fc.constantFrom(...TEXTS).map((text) => JSON.stringify(text)),
    tie("object"),
    fc.array(tie("any"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...KEYS), tie("any")), { maxLength: 5 })
    .map((entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`),
}));

const messages = fc.record({
  role: fc.constantFrom("user", "assistant"),
  mode: documents.any,
  modelID: documents.any,
  time: fc.oneof(documents.any, fc.constant('{"created":1,"completed":2}')),
  tokens: fc.oneof(documents.any, fc.constant('{"output":5,"cache":{"read":1}}')),
  error: documents.any,
  finish: fc.constantFrom('"stop"', '"tool-calls"', "null"),
});

/** A tool call in which one value, at any depth, is replaced. */
const calls = fc
  .tuple(fc.constantFrom(...HEALTHY_CALLS), fc.constantFrom("completed", "error", "running"), fc.nat(), documents.any)
  .map(([[tool, input, metadata], status, place, value]) => {
    const state = { status, input, metadata, output: "out", error: "failed", time: { start: 1, end: 2 } };
    return replaced(JSON.stringify({ type: "tool", tool, state }), place, value);
  });

function replaced(text: string, place: number, value: string): string {
  const starts = [...text.matchAll(/:("[^"]*"|\d+|true|false|null|\{\}|\[\])/g)];
  const match = starts[place % Math.max(1, starts.length)];
  if (match === undefined) return text;
  return `${text.slice(0, match.index + 1)}${value}${text.slice(match.index + match[0].length)}`;
}

function newerMessages(random: number): NewerMessages | undefined {
  if (random % 4 === 0) return undefined;
  const places: readonly (ShownIn | undefined)[] = [undefined, "answer", "question", "nowhere"];
  const shownIn = places[(random >> 2) % places.length];
  return {
    count: random % 101,
    anyAnswer: random % 3 === 0,
    anyUnfinished: random % 5 === 0,
    anyOutput: random % 7 === 0,
    ...(shownIn && { shownIn }),
    ...(random % 2 === 0 && { steps: { anyStop: random % 3 > 0, anyWithCalls: random % 5 > 2 } }),
  };
}

/**
 * If the two answers differed, a session that closes the terminal UI could count as healthy, or a healthy session as
 * damaged.
 */
test("the quick answer whether a screen shows a record is that of the list of mismatches", () => {
  let refused = 0;
  const texts = fc.oneof(
    calls.map((text) => ["part", text] as const),
    documents.object.map((text) => ["part", text] as const),
    messages.map((fields) => {
      const { role, ...rest } = fields;
      const values = Object.entries(rest).map(([key, value]) => `"${key}":${value}`);
      return ["message", `{"role":"${role}",${values.join(",")}}`] as const;
    }),
  );
  fc.assert(
    fc.property(texts, fc.nat(100_000), ([kind, text], random) => {
      const value: unknown = JSON.parse(text);
      const newer = newerMessages(random);
      for (const screen of SCREENS) {
        const isShown = mismatchesOnScreen(kind, value, screen, newer).length === 0;
        if (!isShown) refused += 1;
        expect(isShownBy(screen, kind, value, newer)).toBe(isShown);
      }
    }),
    { seed: SEED, numRuns: 4000 },
  );
  expect(refused).toBeGreaterThan(1000);
});

/** Otherwise, a record with 80 kB of brackets would stop the check of a whole store. */
test("a list that is nested more deeply than functions can be called is printable, and ends no check", () => {
  let error: unknown = "x";
  for (let depth = 0; depth < 100_000; depth += 1) error = [error];
  const part = { type: "tool", tool: "bash", callID: "c", state: { status: "error", input: {}, error } };
  for (const screen of SCREENS) expect(typeof isShownBy(screen, "part", part)).toBe("boolean");
});
