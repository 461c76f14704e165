import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { screenMismatches } from "../../plugin/hosts/screen.ts";
import { screenPath } from "../../plugin/hosts/screen-demand.ts";
import { ASKED as asked, EDITED as edited, HEALTHY_CALLS, SHOWN_TODO as shownTodo } from "./healthy-calls.ts";
import { ALL_SCREENS, call, type Fields, failed, SCREENS } from "./screen-calls.ts";
import { SCREEN } from "./screens.ts";

describe("what the screen of opencode 1.0 to 1.15 cannot print", () => {
  const cases: readonly (readonly [name: string, part: unknown, place: string, words: string])[] = [
    [
      "a path that is a number",
      call("glob", { pattern: "*.txt", path: 5 }),
      "state.input.path",
      "expected a text, got a number",
    ],
    [
      "that of a failed call",
      failed("glob", { pattern: "*.txt", path: 5 }),
      "state.input.path",
      "expected a text, got a number",
    ],
    [
      "a file that is a truth value",
      failed("read", { filePath: true }),
      "state.input.filePath",
      "expected a text, got a boolean",
    ],
    [
      "a folder that is a list",
      call("bash", { command: "ls", workdir: ["a"] }),
      "state.input.workdir",
      "expected a text, got a list",
    ],
    [
      "a command that is an object",
      call("bash", { command: { a: 1 } }),
      "state.input.command",
      "expected a text or a number, got an object",
    ],
    [
      "an output that is a number",
      call("bash", { command: "ls" }, { output: 5 }),
      "state.metadata.output",
      "expected a text, got a number",
    ],
    [
      "an output of a plugin's tool",
      call("mine", {}, {}, { output: { a: 1 } }),
      "state.output",
      "expected a text, got an object",
    ],
    [
      "a pattern with an object",
      call("grep", { pattern: [{ a: 1 }] }),
      "state.input.pattern",
      "expected a text or a number, got a list",
    ],
    [
      "an answer of before 1.1.8",
      call("question", asked, { answers: ["Yes"] }),
      "state.metadata.answers[0]",
      "expected a list, got a text",
    ],
    [
      "answers in one text",
      call("question", asked, { answers: "Yes" }),
      "state.metadata.answers[0]",
      "expected a list, got a text",
    ],
    [
      "a question that is an object",
      call("question", { questions: [{ question: {} }] }, { answers: [] }),
      "state.input.questions[0].question",
      "expected a text or a number, got an object",
    ],
    [
      "a todo that is nothing",
      call("todowrite", { todos: [null] }, shownTodo),
      "state.input.todos[0]",
      "expected an object, got nothing",
    ],
    [
      "an error that is an object",
      failed("glob", { pattern: "a" }, { name: "x" }),
      "state.error",
      "expected a text, got an object",
    ],
    [
      "diagnostics that are a text",
      call("edit", edited, { diff: "", diagnostics: { "/p/a.txt": "x" } }),
      "state.metadata.diagnostics[…]",
      "expected a list, got a text",
    ],
    [
      "a file of a patch that is nothing",
      call("apply_patch", {}, { files: [null] }),
      "state.metadata.files[0]",
      "expected an object, got nothing",
    ],
    ["no state", { type: "tool", tool: "bash", callID: "c" }, "state", "expected an object, got nothing"],
    [
      "a call to read that says no time",
      call("read", { filePath: "a" }, {}, { time: undefined }),
      "state.time",
      "expected an object, got nothing",
    ],
    ["a thought without text", { type: "reasoning", time: { start: 1 } }, "text", "expected a text, got nothing"],
  ];
  // The screen of 1.0 does not read these values.
  const afterOldest = [
    "a folder that is a list",
    "an output of a plugin's tool",
    "an answer of before 1.1.8",
    "answers in one text",
    "a question that is an object",
    "a file of a patch that is nothing",
    "a call to read that says no time",
  ];
  for (const [name, part, place, words] of cases) {
    test(name, () => {
      if (afterOldest.includes(name)) expect(screenMismatches(part, SCREEN["1.0"])).toEqual([]);
      for (const screen of SCREENS) {
        if (screen === SCREEN["1.0"] && afterOldest.includes(name)) continue;
        const [first] = screenMismatches(part, screen);
        expect([first && screenPath(first), first?.words]).toEqual([place, words]);
      }
    });
  }

  test("a subtask, which the screen of 1.2.20 to 1.3 prints whatever it holds", () => {
    const found = (input: Fields) => SCREENS.map((screen) => screenMismatches(call("task", input), screen).length);
    expect(found({ description: "d", subagent_type: 5 })).toEqual([1, 1, 0, 1]);
    expect(found({ description: { a: 1 }, subagent_type: "general" })).toEqual([1, 1, 0, 0]);
    expect(found({ description: 5 })).toEqual([0, 0, 0, 0]);
  });

  test("two tools that only the screen of 1.0 to 1.3 has words for", () => {
    for (const part of [call("list", { path: 5 }), call("codesearch", { query: { a: 1 } })]) {
      expect(SCREENS.map((screen) => screenMismatches(part, screen).length)).toEqual([1, 1, 1, 0]);
    }
  });
});

/** Each expected value was measured in a real terminal with `bun test/terminal/screen-sweep.ts --host VERSION`. */
describe("what depends on the message that a part stands in", () => {
  const found = (part: unknown) =>
    (["answer", "question"] as const).map((place) =>
      screenMismatches(part, SCREEN["1.14"], place).map(screenPath).join(),
    );

  test("a text: of an answer it must be one, whether or not it says when it was written", () => {
    expect(found({ type: "text" })).toEqual(["text", ""]);
    expect(found({ type: "text", text: null, time: { start: 1 } })).toEqual(["text", ""]);
    expect(found({ type: "text", text: 5 })).toEqual(["text", ""]);
    expect(found({ type: "text", text: { a: 1 } })).toEqual(["text", "text"]);
    expect(found({ type: "text", text: { a: 1 }, synthetic: true })).toEqual(["text", ""]);
    expect(found({ type: "text", text: "" })).toEqual(["", ""]);
  });

  test("a file is printed only in a question; a thought and a call only in an answer", () => {
    expect(found({ type: "file", filename: "a" })).toEqual(["", "mime"]);
    expect(found({ type: "reasoning" })).toEqual(["text", ""]);
    expect(found(call("glob", { pattern: "a", path: 5 }))).toEqual(["state.input.path", ""]);
  });

  test("a number that JSON cannot say is sent as nothing", () => {
    const [todo, folder] = [
      call("todowrite", { todos: [Number.POSITIVE_INFINITY] }, shownTodo),
      call("glob", { pattern: "a", path: Number.NEGATIVE_INFINITY }),
    ];
    expect([found(todo), found(folder)]).toEqual([
      ["state.input.todos[0]", ""],
      ["", ""],
    ]);
  });
});

/**
 * Measured on 1.0.152, 1.1.65, 1.2.20 and 1.14.41 with 152 calls of 19 tools. The calls had each state, and
 * `state.input` was missing or `null`.
 */
test("a call without its input is shown, whatever the tool and however it ended", () => {
  for (const [tool, , metadata] of HEALTHY_CALLS) {
    for (const input of [undefined, null]) {
      const parts = [
        call(tool, input, metadata),
        call(tool, input, metadata, { status: "running", output: undefined }),
        call(tool, input, undefined, { status: "pending", output: undefined, time: undefined }),
        failed(tool, input, "it failed", { metadata }),
      ];
      for (const screen of SCREENS) {
        expect([tool, parts.flatMap((part) => screenMismatches(part, screen))]).toEqual([tool, []]);
      }
    }
  }
});

describe("what it prints, odd as it is", () => {
  const odd: readonly unknown[] = [
    call("glob", { path: 5 }),
    call("glob", { pattern: 5, path: 0 }),
    call("glob", { pattern: ["a", 1] }),
    call("list", { path: null }),
    call("bash", { command: 5 }, { output: null }),
    call("write", { filePath: "a", content: { a: 1 } }, { diagnostics: null }),
    call("edit", edited, { diff: 5, diagnostics: { "/p/other": 5 } }),
    call("read", { filePath: "a", offset: { a: 1 } }, { loaded: [5] }),
    call("question", {}, { answers: ["Yes"] }),
    call("question", asked, { answers: [5, { a: 1 }] }),
    call("question", { questions: [null] }),
    call("todowrite", { todos: [null] }),
    call("todowrite", { todos: 5 }, shownTodo),
    call("mine", { path: 5, filePath: { a: 1 } }, { output: 5 }, { output: null }),
    call("glob", null, null),
    call("glob", 5, "text"),
    { type: "tool", tool: "bash", state: { status: "pending", input: {}, raw: "", metadata: { output: 5 } } },
    { type: "tool", tool: "bash", state: "text" },
    { type: "step-start" },
    null,
    5,
    [],
  ];
  odd.forEach((part, index) => {
    test(`${index}`, () => {
      expect(SCREENS.flatMap((screen) => screenMismatches(part, screen))).toEqual([]);
    });
  });

  test("nothing is named in 5,000 calls as hosts write them", () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>;
    const own = fc.constantFrom(...HEALTHY_CALLS).chain(([tool, input, metadata]) =>
      fc.record({
        tool: fc.constant(tool),
        // Models omit optional fields, and add fields that the tool does not define.
        input: fc
          .tuple(fc.subarray(Object.keys(input)), fc.dictionary(fc.string({ minLength: 9 }), json))
          .map(([names, more]) => ({ ...more, ...pick(input, names) })),
        metadata: fc.subarray(Object.keys(metadata)).map((names) => pick(metadata, names)),
      }),
    );
    const foreign = fc.record({
      tool: fc.string().map((name) => `plugin_${name}`),
      input: fc.dictionary(fc.constantFrom("path", "filePath", "pattern", "command", "query", "a"), json),
      metadata: fc.dictionary(fc.constantFrom("output", "answers", "diagnostics", "files", "todos", "a"), json),
    });
    const state = fc.constantFrom("pending", "running", "completed", "error");
    const healthy = fc.tuple(fc.oneof({ weight: 4, arbitrary: own }, foreign), state, fc.string());
    fc.assert(
      fc.property(healthy, ([{ tool, input, metadata }, status, text]) => {
        const states: Readonly<Record<string, Fields>> = {
          pending: { status, input, raw: text },
          running: { status, input, title: text, metadata, time: { start: 1 } },
          completed: { status, input, output: text, title: text, metadata, time: { start: 1, end: 2 } },
          error: { status, input, error: text, metadata, time: { start: 1, end: 2 } },
        };
        const part = { type: "tool", callID: "call_1", tool, state: states[status] };
        for (const screen of ALL_SCREENS) expect(screenMismatches(part, screen)).toEqual([]);
      }),
      { numRuns: 5000, seed: 20261129 },
    );
  });
});

test("a part of an answer whose type is a function of every object ends the screen; other unknown types do not", () => {
  for (const screen of ALL_SCREENS) {
    const found = (type: string, shownIn?: "answer" | "question") =>
      screenMismatches({ type, text: "x" }, screen, shownIn).map(screenPath);
    for (const type of ["toString", "valueOf", "hasOwnProperty", "__defineGetter__"]) {
      expect(found(type, "answer")).toEqual(["type"]);
      expect(found(type, "question")).toEqual([]);
    }
    for (const type of ["constructor", "__proto__", "tooltip", "snapshot", ""])
      expect(found(type, "answer")).toEqual([]);
  }
});

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}
