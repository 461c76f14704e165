import { expect, test } from "bun:test";
import { isNameHere, isNameOnWindows } from "../../plugin/hosts/folder-paths.ts";
import { isPlainID } from "../../plugin/stores/json/layout.ts";

test.each([
  ["ses_1234.json", true],
  ["global", true],
  ["console.json", true],
  ["record.json:stream", false],
  ["C:", false],
  ["record.", false],
  ["record ", false],
  ["nul", false],
  ["NUL.json", false],
  ["com1.json", false],
  ["a*b", false],
  ["a\u0001b", false],
])("%s names one file on Windows: %s", (name, isOne) => {
  expect(isNameOnWindows(name)).toBe(isOne);
});

test("elsewhere every name will do, and an id that becomes a new file is one that every system takes", () => {
  if (process.platform !== "win32") expect(isNameHere("record.json:stream")).toBe(true);
  expect(["ses_1", "ses_1.", "nul", "com1.x", "a..b"].map(isPlainID)).toEqual([true, false, false, false, false]);
});
