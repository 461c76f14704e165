import { expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonShape } from "../../plugin/model/artifact.ts";
import { jsonShape } from "../../plugin/records/json-scanner.ts";
import { parses } from "../records/parses.ts";
import { shapeInPieces } from "../records/shape-in-pieces.ts";
import { RUNS } from "./runs.ts";
import "./seeded.ts";

function topLevelOf(bytes: Uint8Array): string {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  if (Array.isArray(value)) return "array";
  return typeof value === "object" && value !== null ? "object" : "scalar";
}

const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** A document as a program might write it, with any indentation and with white space around it. */
const document = fc
  .tuple(fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }), fc.constantFrom(0, 1, 2, "\t"), blank, blank)
  .map(([value, indent, before, after]) => Buffer.from(`${before}${JSON.stringify(value, null, indent)}${after}`));

/** A byte. Many of these bytes have a meaning in JSON. */
const byte = fc.oneof(
  fc.constantFrom(...Buffer.from('{}[]",:\\/ \t\r\n0123456789.-+eEtrufalsn\0\x1f\x7f')),
  fc.integer({ min: 0, max: 255 }),
);

/** A document in which bytes were inserted, removed, replaced or repeated. */
const mutated = fc
  .tuple(
    document,
    fc.array(fc.tuple(fc.nat(), byte, fc.constantFrom("insert", "remove", "replace", "double")), { maxLength: 4 }),
  )
  .map(([original, changes]) => {
    const bytes = [...original];
    for (const [position, value, change] of changes) {
      const at = position % (bytes.length + 1);
      if (change === "insert") bytes.splice(at, 0, value);
      else if (change === "remove") bytes.splice(at, 1);
      else if (change === "replace") bytes.splice(at, 1, value);
      else bytes.splice(at, 0, ...bytes.slice(at, at + 5));
    }
    return Buffer.from(bytes);
  });

const soup = fc.array(byte, { maxLength: 12 }).map((bytes) => Buffer.from(bytes));

function agrees(bytes: Uint8Array): void {
  const shape = jsonShape(bytes);
  expect(shape.shape === "complete").toBe(parses(bytes));
  if (shape.shape === "complete") expect<string>(shape.topLevel).toBe(topLevelOf(bytes));
}

test("a document is complete where JSON.parse takes it, and nowhere else", () => {
  fc.assert(fc.property(document, agrees), { numRuns: RUNS * 20 });
  fc.assert(fc.property(mutated, agrees), { numRuns: RUNS * 100 });
  fc.assert(fc.property(soup, agrees), { numRuns: RUNS * 100 });
});

test("what a document begins with is never wrong, only unfinished", () => {
  const cut = fc.tuple(document, fc.nat()).map(([bytes, at]) => bytes.subarray(0, at % bytes.length));
  fc.assert(
    fc.property(cut, (bytes) => {
      const { shape } = jsonShape(bytes);
      expect(shape).toBe(parses(bytes) ? "complete" : bytes.toString().trim() === "" ? "blank" : "incomplete");
    }),
    { numRuns: RUNS * 50 },
  );
});

test("a wrong byte is the first after which nothing could make it right", () => {
  fc.assert(
    fc.property(mutated, (bytes) => {
      const shape = jsonShape(bytes);
      if (shape.shape !== "invalid") return;
      expect(jsonShape(bytes.subarray(0, shape.offset)).shape).not.toBe("invalid");
      expect(jsonShape(bytes.subarray(0, shape.offset + 1))).toEqual(shape);
    }),
    { numRuns: RUNS * 50 },
  );
});

test("the pieces it is read in make no difference", () => {
  const pieces = fc.tuple(mutated, fc.array(fc.nat({ max: 40 }), { maxLength: 6 }));
  fc.assert(
    fc.property(pieces, ([bytes, sizes]) => {
      expect(shapeInPieces(bytes, sizes)).toEqual(jsonShape(bytes));
    }),
    { numRuns: RUNS * 20 },
  );
});

test("depth and length are no limit", () => {
  const deep = (close: string): JsonShape => jsonShape(Buffer.from("[".repeat(500_000) + close.repeat(500_000)));
  expect(deep("]")).toEqual({ shape: "complete", topLevel: "array" });
  expect(deep("")).toEqual({ shape: "incomplete" });
  expect(jsonShape(Buffer.alloc(5_000_000, " "))).toEqual({ shape: "blank" });
});
