import { expect, test } from "bun:test";
import type { StoreDescription } from "../../../plugin/model/store-description.ts";
import { withFields } from "../../../plugin/records/fields.ts";
import { abortedAnswer, abortedTool } from "../../../plugin/remedies/close/aborted.ts";

const NEW: StoreDescription = {
  generation: "sqlite",
  dataDir: "/data",
  contract: "strict",
  hostVersion: "1.18.33",
  sessionDiffReader: null,
};
const OLD: StoreDescription = { ...NEW, generation: "json", contract: "syntax", hostVersion: "1.1.65" };

function tool(state: Readonly<Record<string, unknown>>) {
  return { type: "tool", tool: "bash", callID: "call_1", state };
}

function after(document: unknown, fields: ReturnType<typeof abortedTool>): unknown {
  return fields === null ? null : withFields(document, fields)?.value;
}

test("a running call becomes the error that opencode writes, and keeps its output", () => {
  const call = tool({
    status: "running",
    input: { a: 1 },
    metadata: { output: "so far" },
    title: "t",
    time: { start: 5 },
  });
  expect(after(call, abortedTool(call, 9, NEW))).toEqual(
    tool({
      status: "error",
      input: { a: 1 },
      error: "Tool execution aborted",
      metadata: { output: "so far", interrupted: true },
      title: "t",
      time: { start: 5, end: 9 },
    }),
  );
});

test("a pending call gets a time; a file host gets no mark that it never wrote", () => {
  const call = tool({ status: "pending", input: {}, raw: "" });
  const ended = { status: "error", input: {}, raw: "", error: "Tool execution aborted", time: { start: 9, end: 9 } };
  expect(after(call, abortedTool(call, 9, OLD))).toEqual(tool(ended));
  expect(after(call, abortedTool(call, 9, NEW))).toEqual(tool({ ...ended, metadata: { interrupted: true } }));
});

test("a call never ends before it began", () => {
  const call = tool({ status: "running", input: {}, time: { start: 50 } });
  expect(after(call, abortedTool(call, 9, NEW))).toMatchObject({ state: { time: { start: 50, end: 50 } } });
});

test("what is over stays as it is", () => {
  for (const status of ["completed", "error"]) expect(abortedTool(tool({ status, input: {} }), 9, NEW)).toBeNull();
  expect(abortedTool({ type: "text", text: "" }, 9, NEW)).toBeNull();
  expect(abortedAnswer({ role: "user", time: { created: 1 } }, 9, NEW)).toBeNull();
});

test("an answer is completed with the words of its host", () => {
  const answer = { role: "assistant", time: { created: 1 }, cost: 0 };
  const ended = (message: string) => ({
    ...answer,
    time: { created: 1, completed: 9 },
    error: { name: "MessageAbortedError", data: { message } },
  });
  expect(after(answer, abortedAnswer(answer, 9, NEW))).toEqual(ended("Aborted"));
  expect(after(answer, abortedAnswer(answer, 9, OLD))).toEqual(ended("The operation was aborted."));
});
