import { expect, test } from "bun:test";
import { readBundles } from "../../plugin/stores/sqlite/bundles.ts";
import type { Connection } from "../../plugin/stores/sqlite/driver.ts";
import { nextStart, sqliteFailure } from "../../plugin/stores/sqlite/sqlite-error.ts";

/**
 * For a damaged tree, SQLite may return the same rows again and again without an error (found by `test:fuzz`, seed 12,
 * case 1443).
 */
const REPEATING: Connection = {
  all: () => [{ rows: 1, until: "5", joined: Buffer.from("{}"), bytes: 2 }],
  run: () => 0,
  exec: () => undefined,
  close: () => undefined,
};

test("a table whose rows come again and again is malformed, not read for ever", () => {
  let failure: unknown = null;
  try {
    for (const _ of readBundles(REPEATING, "part", "0", "5"));
  } catch (error) {
    failure = error;
  }
  expect(sqliteFailure(failure)).toBe("malformed");
});

test("row ids of 64 bits and below zero are in order", () => {
  expect(nextStart("part", "-9223372036854775808", "-1")).toBe("-1");
  expect(nextStart("part", "9007199254740992", "9007199254740993")).toBe("9007199254740993");
  expect(() => nextStart("part", "5", "-5")).toThrow("not in order");
});
