import { expect, test } from "bun:test";
import type { Entry, TranscriptMessage } from "../../plugin/show/transcript.ts";
import { messageMarkdown } from "../../plugin/words/answers/markdown.ts";
import { messageLines } from "../../plugin/words/answers/transcript.ts";

/** More values than one call can take as arguments. Node 20 takes about 110,000, and Bun fewer than 1,000,000. */
const LINES = 1_200_000;

const message = (entry: Entry): TranscriptMessage => ({
  messageID: "msg_1",
  role: "assistant",
  timeMs: null,
  agent: null,
  model: null,
  entries: [entry],
  info: {},
  parts: [],
});

const toolCall = (state: object): Entry => ({
  type: "tool",
  tool: "bash",
  status: "completed",
  summary: "",
  output: null,
  error: null,
  durationMs: null,
  part: { state },
});

test("a text of more than a million lines is shown to its last line", () => {
  const text = `${"a\n".repeat(LINES)}the end`;
  const lines = [...messageLines(message({ type: "text", text }), 80, (_style, marked) => marked)];
  expect(lines.length).toBe(LINES + 3);
  expect(lines.at(-2)).toBe("the end");
});

test("a tool's output of more than a million lines is exported to its last line", () => {
  const lines = messageMarkdown(message(toolCall({ output: `${"a\n".repeat(LINES)}the end` })));
  expect(lines.slice(-3)).toEqual(["the end", "```", ""]);
  expect(lines.filter((line) => line === "a").length).toBe(LINES);
});

test("an input of more than a million items is exported whole", () => {
  const items = Array.from({ length: LINES }, () => 7);
  const lines = messageMarkdown(message(toolCall({ input: { items } })));
  expect(lines.filter((line) => line.trim().startsWith("7")).length).toBe(LINES);
});

test("a block with more than a million marks of code ends at none of them", () => {
  const lines = messageMarkdown(message(toolCall({ output: `${"` ".repeat(LINES)}\n\`\`\`\nthe end` })));
  expect(lines.slice(-3)).toEqual(["the end", "````", ""]);
});
