/**
 * Tests how the answer of `salvage` names sessions with losses. On a terminal, it also shows the title and the date.
 */
import { expect, test } from "bun:test";
import { type SalvageDone, salvageText } from "../../plugin/words/answers/salvage.ts";
import { screenOf } from "../command-line/screen-widths.ts";

const SESSION = {
  ...{ sessionID: "ses_dd06b74c2ffe7Qjq7konl8tZzY", messages: 2, parts: 3, lostMessages: 0, lostParts: 7 },
  ...{ lostOthers: 0, cutRecords: 0, isCounted: true, isRebuilt: false, hasFolder: true, isWhole: false, loads: true },
};

const NONE = { sessions: 0, messages: 0, parts: 0 };

const DONE = {
  run: { folder: "/data/quarantine/run", target: "/data/quarantine/run/salvaged.db", manifest: { runID: "run" } },
  report: {
    ...{ rows: { session: 1, message: 2, part: 3 }, fromEvents: NONE, fromFiles: NONE, fromOlderPages: 0, mended: 0 },
    ...{ rebuilt: { sessions: 0, messages: 0, projects: 0 }, sessions: [SESSION], isSound: true, isSchemaTold: true },
    ...{ lostSessions: { count: 0, isCounted: true }, lostOfUnknown: { messages: 0, parts: 0 }, lostRows: {} },
    ...{ emptyColumns: [], failedIndexes: [] },
  },
  checked: null,
  isSwapped: false,
} as unknown as SalvageDone;

test.each([
  ["with its title and date on a terminal", [[SESSION.sessionID, { title: "The query", updatedMs: 0 }]]],
  ["with its id elsewhere", []],
] as const)("a session with losses is named %s", (_, known) => {
  const names = new Map<string, { title: string; updatedMs: number }>(known);
  const view = { terminal: screenOf(100, {}), names, command: (...args: readonly string[]) => args.join(" ") };
  const lines = salvageText(DONE, [SESSION], [], { ...view, isSwappable: true }).split("\n");
  const at = lines.indexOf("    lost 7 parts");
  expect(lines[at - 1]).toContain(SESSION.sessionID);
  expect(lines[at - 1]?.includes("The query")).toBe(known.length > 0);
});
