import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { adviceFor, adviceOn, FAULT_FAMILIES } from "../../plugin/faults/catalogue.ts";
import { STORE_FAULTS } from "../../plugin/faults/store-faults.ts";
import { UNDETECTED } from "../../plugin/faults/undetected.ts";
import { FAULT_DOCUMENT, faultDocument } from "../../scripts/fault-docs.ts";

const faults = Object.values(FAULT_FAMILIES).flat();

/** The classes of known cases, collected from opencode's issues, with the number of cases in each class. */
const CLASSES: readonly (readonly [letter: string, count: number])[] = [
  ["A", 8],
  ["B", 7],
  ["C", 5],
  ["D", 9],
  ["E", 7],
];

test("docs/faults.md is what the catalogue says (else: bun scripts/fault-docs.ts)", async () => {
  expect(await readFile(FAULT_DOCUMENT, "utf8")).toBe(faultDocument());
});

test("every class of known cases has an entry, or a reason why not", () => {
  const numbered = CLASSES.flatMap(([letter, count]) => Array.from({ length: count }, (_, i) => `${letter}${i + 1}`));
  const answered = new Set([...faults, ...UNDETECTED].flatMap((entry) => entry.classes));
  expect([...numbered, "F", "G", "H", "I"].filter((each) => !answered.has(each))).toEqual([]);
});

test("whatever no repair does anything about has advice", () => {
  for (const { code } of faults) {
    const finding = { code, remedy: "report" } as const;
    expect(adviceOn(finding, true)).toMatch(/\w/);
    expect(adviceFor([finding], true)).toHaveProperty(code);
    expect(adviceOn({ code, remedy: "quarantine" }, true)).toBeNull();
  }
});

test("what keeps a store from being read has the entry of its own name, about which no repair does anything", () => {
  for (const [code, fault] of Object.entries(STORE_FAULTS)) {
    expect(faults).toContain(fault);
    expect(fault).toMatchObject({ code, remedy: "report" });
  }
});

test("codes are unique, and nothing that can be read is quarantined unasked", () => {
  expect(new Set(faults.map((fault) => fault.code)).size).toBe(faults.length);
  const readable = [
    ...(FAULT_FAMILIES["Records that opencode's schema refuses"] ?? []),
    ...(FAULT_FAMILIES["Turns without an end"] ?? []),
  ];
  expect(readable.filter((fault) => fault.unasked)).toEqual([]);
});
