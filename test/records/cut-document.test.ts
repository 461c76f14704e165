import { expect, test } from "bun:test";
import fc from "fast-check";
import { cutDocument } from "../../plugin/records/cut-document.ts";
import "../property/seeded.ts";

const part = '{"type":"text","text":"one \\"two\\" three","time":{"start":1}}';

test.each([
  [part, JSON.parse(part)],
  [part.slice(0, 30), { type: "text", text: 'one "t' }],
  [part.slice(0, 28), { type: "text", text: "one " }],
  [part.slice(0, 22), { type: "text" }],
  [part.slice(0, 20), { type: "text" }],
  [part.slice(0, 6), {}],
  [`${part.slice(0, 30)}\0\0\0`, { type: "text", text: 'one "t' }],
  ['{"a":[1,2,{"b":tr', { a: [1, 2, {}] }],
  ['{"a":12', {}],
  ['{"a":1}}', { a: 1 }],
  ['{"a":"x\u0001y"}', { a: "x" }],
  ['{"a":"\\u00e', { a: "" }],
  ["", undefined],
  ["\0\0\0", undefined],
  ["garbage", undefined],
])("%j says %j up to its end", (document, said) => {
  expect(cutDocument(document)).toEqual(said);
});

test("a cut document never says what the whole one does not", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (value, at) => {
      const document = JSON.stringify(value);
      const said = cutDocument(document.slice(0, at % (document.length + 1)));
      if (said === undefined) return;
      // The parsed text is the reference, because `value` may contain a negative zero, and its JSON text cannot.
      expect(beginningOf(said, JSON.parse(document))).toBe(true);
    }),
  );
});

/**
 * Whether `said` is the same as `whole`, except for missing keys, missing ends of lists, and a text without its end.
 */
function beginningOf(said: unknown, whole: unknown): boolean {
  if (typeof said === "string") return typeof whole === "string" && whole.startsWith(said);
  if (Array.isArray(said)) return Array.isArray(whole) && said.every((each, index) => beginningOf(each, whole[index]));
  if (typeof said === "object" && said !== null) {
    const other = whole as Record<string, unknown>;
    return Object.entries(said).every(([key, each]) => Object.hasOwn(other, key) && beginningOf(each, other[key]));
  }
  return Object.is(said, whole);
}
