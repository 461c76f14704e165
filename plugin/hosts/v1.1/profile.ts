import type { HostProfile } from "../profile.ts";
import { EACH, EACH_ANSWER, FILE_OF_CALL, type ScreenDemands } from "../screen-demand.ts";
import { FILE_CHANGE, LINE_1_0, SUBAGENT_INPUT, TOOLS_OF_1_0_TO_1_3 } from "../v1.0/profile.ts";

const QUESTIONS = ["state", "input", "questions", EACH] as const;
const ANSWERS = ["state", "metadata", "answers"] as const;
const PATCHED = ["state", "metadata", "files", EACH] as const;

/**
 * The requirements of the terminal UI of 1.1 to 1.3. Read in the code of 1.2.27 and measured in a real terminal:
 * docs/host-measurements.md.
 */
export const SCREEN_1_1: ScreenDemands = {
  tools: new Map([
    ...TOOLS_OF_1_0_TO_1_3,
    [
      "bash",
      [
        { at: ["state", "metadata", "output"], wants: "text" },
        { at: ["state", "input", "command"], wants: "printable" },
        { at: ["state", "input", "workdir"], wants: "path" },
        { at: ["state", "input", "description"], wants: "failure", ifAny: ["state", "input", "workdir"] },
      ],
    ],
    [
      "read",
      [
        { at: FILE_OF_CALL, wants: "path" },
        { at: ["state", "time"], wants: "something" },
      ],
    ],
    ["write", FILE_CHANGE],
    ["task", SUBAGENT_INPUT],
    [
      "apply_patch",
      [
        { at: PATCHED, wants: "something" },
        { at: [...PATCHED, "filePath"], wants: "path" },
        { at: [...PATCHED, "deletions"], wants: "printable" },
      ],
    ],
    [
      "question",
      [
        { at: QUESTIONS, wants: "something", ifAny: ANSWERS },
        { at: [...QUESTIONS, "question"], wants: "printable", ifAny: ANSWERS },
        { at: [...ANSWERS, EACH_ANSWER], wants: "answer" },
      ],
    ],
    ["skill", [{ at: ["state", "input", "name"], wants: "printable" }]],
  ]),
  otherTools: [
    { at: ["tool"], wants: "printable" },
    { at: ["state", "output"], wants: "text" },
  ],
  failedCalls: [{ at: ["state", "error"], wants: "failure" }],
  hasFailedBlocks: true,
  leavesOutAborted: true,
  fetches: 100,
  readsEveryTime: false,
  footers: "by finish",
};

const LINE_1_1_11: HostProfile = {
  ...LINE_1_0,
  name: "1.1.11",
  first: "1.1.11",
  last: "1.1.34",
  readsSessionTimes: false,
  projectFile: "id and sandboxes",
  screen: SCREEN_1_1,
};

export const LINE_1_1: HostProfile = {
  ...LINE_1_1_11,
  name: "1.1",
  first: "1.1.53",
  last: "1.1.65",
  failsWholeLists: false,
  sessionDiffs: { failsUnread: false, failsUnopened: false, isUtf8: false, holds: "names" },
};

export const LINES_OF_1_1: readonly HostProfile[] = [LINE_1_1_11, LINE_1_1];
