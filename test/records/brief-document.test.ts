import { expect, test } from "bun:test";
import fc from "fast-check";
import { briefDocument, cutText } from "../../plugin/records/brief-document.ts";
import { SEED } from "../process/seed.ts";

const LONG = 64 * 1024;

function* inPieces(text: string | Buffer, size: number): Iterable<Buffer> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Puts the texts that were cut out back into the brief document. The result must be the whole document. */
function putTogether(document: string, size: number): unknown {
  const brief = briefDocument(inPieces(document, size), "<cut>");
  if (brief === null) return null;
  const bytes = Buffer.from(document);
  const rests = brief.cuts.map(({ start, end }) => [...cutText(inPieces(bytes.subarray(start, end), size))].join(""));
  return JSON.parse(brief.text, (_key, value) =>
    typeof value === "string" ? value.replace(/<cut>(\d+)$/, (_mark, number) => rests[Number(number)] ?? "") : value,
  );
}

test("a text of megabytes is left out, and everything else stays", () => {
  const text = "a line of a log \u00e4\u{1f600}\n".repeat(100_000);
  const document = { type: "tool", state: { output: text, time: { start: 1, end: 2 } }, list: [text, "short"] };
  const json = JSON.stringify(document);
  const brief = briefDocument(inPieces(json, 1 << 16));
  expect(brief?.text.length).toBeLessThan(3 * LONG);
  expect(brief?.cuts.length).toBe(2);
  const value = JSON.parse(brief?.text ?? "") as typeof document;
  expect(value.state.time).toEqual({ start: 1, end: 2 });
  expect(text.startsWith(value.state.output)).toBe(true);
  expect(value.list[1]).toBe("short");
});

test("the brief document and its cuts together are the document, wherever the pieces end", () => {
  const letter = fc.constantFrom("a", '"', "\\", "\n", "\u00e4", "\u20ac", "\u{1f600}", "\ud800", "\u2028", "/");
  const text = fc.array(letter, { minLength: 1, maxLength: 40 }).map((letters) => letters.join(""));
  const escaped = (value: string) =>
    value.replace(/[^\x20-\x7e]/g, (at) => `\\u${at.charCodeAt(0).toString(16).padStart(4, "0")}`);
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 40 }), fc.boolean(), (unit, size, isEscaped) => {
      const long = unit.repeat(Math.ceil((LONG + 200) / unit.length));
      const json = JSON.stringify({ id: "prt_1", text: long, after: [1, unit] });
      // UTF-8 cannot contain half of a surrogate pair, so JSON.stringify writes it as an escape.
      const document = isEscaped ? escaped(json) : json;
      expect(putTogether(document, size * 5003)).toEqual(JSON.parse(document));
    }),
    { seed: SEED, numRuns: 15 },
  );
});

const FILL = "x".repeat(2 * LONG);

test.each([
  ["a line break inside a string", `{"text":"${FILL}\n"}`],
  ["an escape that JSON does not know", `{"text":"${FILL}\\x"}`],
  ["half an escape", `{"text":"${FILL}\\u12g4"}`],
  ["a long name", `{"${FILL}" : 1}`],
  ["a large image", `{"url":"data:image/png;base64,${FILL}"}`],
  ["a large image with escaped slashes", `{"url":"data:image\\/png;base64,${FILL}"}`],
  ["a large image with escaped letters", `{"after":[1,2],"url":"\\u0064ata:\\u0069mage/png;base64,${FILL}"}`],
])("%s: nothing is decided from the brief document", (_what, document) => {
  expect(briefDocument(inPieces(document, 1000))).toBeNull();
});

test("a text that only names an image is cut", () => {
  const brief = briefDocument(inPieces(`{"text":"see data:image/png;base64,${FILL}"}`, 1000));
  expect(brief?.cuts.length).toBe(1);
});

test("however many long texts a document has, few bytes are copied to find out which of them are images", () => {
  const document = JSON.stringify(Array.from({ length: 200 }, () => FILL));
  const { concat } = Buffer;
  let copied = 0;
  Buffer.concat = (list, length) => {
    copied += list.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return concat(list, length);
  };
  try {
    const brief = briefDocument(inPieces(document, 1 << 16));
    expect(brief?.cuts.length).toBe(200);
  } finally {
    Buffer.concat = concat;
  }
  expect(copied).toBeLessThan(2 * document.length);
});

test("bytes that are not UTF-8 far behind the beginning are noticed", () => {
  const document = Buffer.from(`{"text":"${FILL}"}`);
  document[document.length - 10] = 0xff;
  expect(briefDocument(inPieces(document, 1000))).toBeNull();
});

test.each([
  ["a string that does not end", `{"text":"${FILL}`],
  ["no closing brace", `{"text":"${FILL}"`],
])("%s: the brief document is not JSON either", (_what, document) => {
  const brief = briefDocument(inPieces(document, 1000));
  expect(() => JSON.parse(brief?.text ?? "")).toThrow();
});
