import { expect, test } from "bun:test";
import { isUnderstood, readRequest } from "../../plugin/opencode/repair-request.ts";

const SESSION = "ses_dd6e4bb5dfferwhLXYRJBKLaLW";
const RUN = "20261123T021500123Z-0000-9f86d081";

test.each([
  ["", { what: "repair", sessionID: null }],
  ["  ", { what: "repair", sessionID: null }],
  [SESSION, { what: "repair", sessionID: SESSION }],
  ["check", { what: "check", sessionID: null }],
  [` check  ${SESSION} `, { what: "check", sessionID: SESSION }],
  ["undo", { what: "undo", runID: null }],
  [`undo ${RUN}`, { what: "undo", runID: RUN }],
  ["runs", { what: "runs" }],
] as const)("the words %j after /repair", (words, request) => {
  expect(readRequest(words)).toEqual(request);
  expect(isUnderstood(words)).toBe(true);
});

test.each([
  "nonsense",
  "check it",
  "undo everything",
  `undo ${SESSION}`,
  `undo ${RUN} now`,
  `check ${RUN}`,
  "repair all of it",
  `${SESSION} ${SESSION}`,
  `${SESSION} check`,
  "runs all",
  "help me",
])("the words %j get the help text: nothing is guessed", (words) => {
  expect(readRequest(words)).toEqual({ what: "help" });
  expect(isUnderstood(words)).toBe(false);
});

test("help is understood", () => {
  expect(readRequest("help")).toEqual({ what: "help" });
  expect(isUnderstood(" help ")).toBe(true);
});
