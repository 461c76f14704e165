import { expect, test } from "bun:test";
import { briefDocument } from "../../plugin/records/brief-document.ts";
import { longDocument, longTextAt } from "../../plugin/records/long-document.ts";

const MARK = "(a mark)";
const FILL = "x".repeat(128 * 1024);

/** The long document of this JSON, and a function `at` that reads the long text at a path. */
function read(json: string) {
  const bytes = Buffer.from(json);
  const brief = briefDocument([bytes], MARK);
  const document = brief && longDocument(brief, MARK, (start, end) => [bytes.subarray(start, end)]);
  if (document === null) throw new Error("no long document");
  return {
    ...document,
    at: (...path: string[]) => [...(longTextAt(document.texts, ...path)?.pieces() ?? [])].join(""),
  };
}

test("each long text has its own rest, whatever the names are and whichever order JavaScript gives them", () => {
  const texts = { "state.output": "a dotted name", state: { output: "a path" }, b: "a letter", 7: "a number" };
  const long = (ending: string) => `${FILL} ${ending}`;
  // JavaScript lists the key 7 first, although it comes later in the document.
  const json = `{"b":"${long(texts.b)}","state.output":"${long(texts["state.output"])}",
    "state":{"output":"${long(texts.state.output)}"},"7":"${long(texts[7])}","list":["short","${long("in a list")}"]}`;
  const document = read(json);
  expect(document.at("b")).toBe(long(texts.b));
  expect(document.at("state.output")).toBe(long(texts["state.output"]));
  expect(document.at("state", "output")).toBe(long(texts.state.output));
  expect(document.at("7")).toBe(long(texts[7]));
  expect(document.at("list", "1")).toBe(long("in a list"));
  expect(document.texts.size).toBe(5);
});

test("of two long texts with the same name, the last one counts, as in JSON", () => {
  const document = read(`{"text":"${FILL} the first","text":"${FILL} the last"}`);
  expect(document.at("text")).toBe(`${FILL} the last`);
});

test("whoever reads the value alone sees how much of a long text is left out", () => {
  const { value } = read(`{"text":"${FILL}"}`) as { value: { text: string } };
  expect(value.text.length).toBeLessThan(FILL.length);
  expect(value.text).toContain("65,536 more bytes");
});
