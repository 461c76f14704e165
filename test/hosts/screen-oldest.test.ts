import { describe, expect, test } from "bun:test";
import { screenMismatches } from "../../plugin/hosts/screen.ts";
import { screenPath } from "../../plugin/hosts/screen-demand.ts";
import { EDITED as edited } from "./healthy-calls.ts";
import { call, type Fields, failed } from "./screen-calls.ts";
import { OLDEST_SCREENS, SCREEN } from "./screens.ts";

/** The expected values follow from the code of 1.0.152. Measurements on 1.0.152 confirmed them. */
describe("what only the screen of 1.0 cannot print", () => {
  const found = (part: unknown) =>
    (["1.0", "1.1"] as const).map((name) => screenMismatches(part, SCREEN[name]).map(screenPath).join());

  test("the error of a failed call that is not a text", () => {
    for (const error of [["a"], null, { name: "x" }, 5]) {
      expect(found(failed("mine", {}, error))[0]).toBe("state.error");
      expect(found(failed("bash", { command: "ls" }, error, { metadata: { output: "x" } }))[0]).toBe("state.error");
    }
    expect(found(failed("mine", {}, null))[1]).toBe("");
  });

  test("calls of a subagent, an output of patch, words about a command, an error of any kind in a written file", () => {
    const summary = (...calls: unknown[]) => found(call("task", { description: "d" }, { summary: calls }));
    expect(summary({ tool: "read", state: { status: "completed", title: "a" } })).toEqual(["", ""]);
    expect(summary({ tool: 5, state: { status: "pending" } })).toEqual(["state.metadata.summary[0].tool", ""]);
    expect(summary({ tool: "read" })).toEqual(["state.metadata.summary[0].state", ""]);
    expect(found(call("patch", {}, {}, { output: { a: 1 } }))[0]).toBe("state.output");
    expect(found(call("patch", {}, {}, { output: 0 }))[0]).toBe("");
    expect(found(call("bash", { command: "ls", description: {} }))).toEqual(["state.input.description", ""]);
    const written = (...items: unknown[]) =>
      found(call("write", { filePath: "/p/a", content: "x" }, { diagnostics: { "/p/a": items } }))[0];
    expect(written({ severity: 2 })).toBe("state.metadata.diagnostics[…][0]");
    expect(written({ severity: 2, message: "m", range: { start: { line: 1, character: 1 } } })).toBe("");
  });
});

/**
 * The expected values follow from the code of each version. `bun test/terminal/screen-cases.ts --host VERSION`
 * confirmed them.
 */
describe("what the screens before 1.0.142 cannot print", () => {
  const screens = { ...OLDEST_SCREENS, "1.0.152": SCREEN["1.0"] };
  const found = (part: unknown) =>
    Object.values(screens).map((screen) => screenMismatches(part, screen).map(screenPath).join());
  const everywhere = (place: string) => Object.keys(screens).map(() => place);

  test("a written content that is not a text, up to 1.0.61", () => {
    const written = (content: unknown) => found(call("write", { filePath: "/p/a", content }));
    for (const content of [5, false, { a: 1 }, ["a"]]) {
      expect(written(content)).toEqual(["state.input.content", "state.input.content", "", ""]);
    }
    for (const content of [null, "", "text"]) expect(written(content)).toEqual(everywhere(""));
    expect(found(failed("write", { filePath: "/p/a", content: 5 }))[0]).toBe("state.input.content");
  });

  test("a written file that is named by no text: 1.0.152 ends on it too", () => {
    expect(found(call("write", { filePath: 5, content: "x" }))).toEqual(everywhere("state.input.filePath"));
    expect(found(call("write", { filePath: null }))).toEqual(everywhere(""));
  });

  test("the kind of a subagent and the names of its calls: only from 1.0.142 on they must be texts", () => {
    const task = (change: Fields, metadata: Fields = {}) =>
      found(call("task", { description: "d", subagent_type: "general", ...change }, metadata));
    expect(task({ subagent_type: 5 })).toEqual(["", "", "", "state.input.subagent_type"]);
    const kind = "state.input.subagent_type";
    expect(task({ subagent_type: { a: 1 } })).toEqual(["", kind, kind, kind]);
    const name = "state.metadata.summary[0].tool";
    const named = (tool: unknown) => task({}, { summary: [{ tool, state: { status: "pending" } }] });
    expect(named(5)).toEqual(["", "", "", name]);
    expect(named({ a: 1 })).toEqual(everywhere(name));
    expect(task({}, { summary: "text" })).toEqual(everywhere("state.metadata.summary"));
  });

  test("a change of a file that is not a text, up to 1.0.98", () => {
    const place = "state.metadata.diff";
    for (const diff of [5, { a: 1 }, true]) {
      expect(found(call("edit", edited, { diff }))).toEqual([place, place, place, ""]);
    }
    for (const diff of [null, "", 0, "--- a"]) expect(found(call("edit", edited, { diff }))).toEqual(everywhere(""));
  });

  test("what a tool that they do not know was given is printed, whatever it is", () => {
    const query = { query: { a: 1 } };
    expect(found(call("codesearch", query))).toEqual(["", "", "", "state.input.query"]);
    expect(found(call("websearch", query))).toEqual(["", "", "", "state.input.query"]);
  });

  test("1.0.0 needs the input of a call, and prints todos that were not stored", () => {
    for (const tool of ["bash", "todowrite", "mine"]) {
      expect(found(call(tool, null))).toEqual(["state.input", "", "", ""]);
    }
    expect(found(call("patch", undefined))).toEqual(everywhere(""));
    expect(found(call("todowrite", { todos: [null] }))).toEqual(["state.input.todos[0]", "", "", ""]);
    // The screen of 1.0.0 does not show diagnostics.
    const edit = call("edit", edited, { diagnostics: { "/p/a.txt": [{ severity: 1 }] } });
    const place = "state.metadata.diagnostics[…][0]";
    expect(found(edit)).toEqual(["", place, place, place]);
  });
});

test("what only the screen of 1.0 minds of a failed call is shown by the others", () => {
  const odd = [
    failed("mine", {}, ["a"]),
    failed("glob", { pattern: "a" }, null),
    failed("bash", { command: "ls" }, 5, { metadata: { output: "x" } }),
  ];
  for (const name of ["1.1", "1.2", "1.14"] as const) {
    expect(odd.flatMap((part) => screenMismatches(part, SCREEN[name]))).toEqual([]);
  }
});
