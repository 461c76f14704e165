import { expect, test } from "bun:test";
import { OTHER_TABLES_OF_2_0 } from "../../plugin/hosts/v2/other-tables.ts";
import { originSentence } from "../../plugin/words/origins.ts";

const FRESH = { kind: "2.x", sign: "table session_v2" } as const;
const WHOSE = "The database belongs to opencode 2.x (table session_v2).";

test("of a database of 2.x the sentence names what is checked, and what is not", () => {
  expect(originSentence(FRESH, [])).toBe(
    `${WHOSE} Its sessions, messages, projects, settings, waiting prompts and instructions are checked; its event log, accounts and workspaces are not.`,
  );
  expect(originSentence(FRESH)).toBe(`${WHOSE} Its records were not read.`);
});

test("a table in another shape than is known is named among what is not", () => {
  expect(originSentence(FRESH, ["project", "instruction_blob"])).toBe(
    `${WHOSE} Its sessions, messages, settings and waiting prompts are checked; its projects, instructions, event log, accounts and workspaces are not.`,
  );
  const whole = originSentence(FRESH, []);
  for (const { table } of OTHER_TABLES_OF_2_0)
    expect([table, originSentence(FRESH, [table])]).not.toEqual([table, whole]);
});
