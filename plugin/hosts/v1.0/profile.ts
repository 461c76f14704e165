import type { HostProfile } from "../profile.ts";
import { EACH, FILE_OF_CALL, OWN_FILE, type ScreenDemand, type ScreenDemands } from "../screen-demand.ts";

const PATTERN = ["state", "input", "pattern"] as const;
const QUERY = ["state", "input", "query"] as const;
const COMMAND = ["state", "input", "command"] as const;
const TODOS = ["state", "input", "todos", EACH] as const;
const SHOWN_TODOS = ["state", "metadata", "todos", "length"] as const;
const DIAGNOSTICS = ["state", "metadata", "diagnostics", OWN_FILE] as const;
const SUMMARY = ["state", "metadata", "summary"] as const;
const SUBAGENT_CALLS = [...SUMMARY, EACH] as const;
const SUBAGENT_CALL: readonly ScreenDemand[] = [
  { at: SUMMARY, wants: "answer" },
  { at: [...SUBAGENT_CALLS, "state"], wants: "something" },
];

const INPUT: ScreenDemand = { at: ["state", "input"], wants: "something" };

function found(count: string, sought: readonly string[]): ScreenDemand {
  return { at: ["state", "metadata", count], wants: "printable", ifAny: sought };
}

function sought(count: string): readonly ScreenDemand[] {
  const path: ScreenDemand = { at: ["state", "input", "path"], wants: "path", ifAny: PATTERN };
  return [{ at: PATTERN, wants: "printable" }, path, found(count, PATTERN)];
}

/** Requirements for a call that writes a file, in versions whose UI prints only the errors among the diagnostics. */
export const FILE_CHANGE: readonly ScreenDemand[] = [
  { at: FILE_OF_CALL, wants: "path" },
  { at: DIAGNOSTICS, wants: "list" },
  { at: [...DIAGNOSTICS, EACH], wants: "diagnostic" },
];

/** Requirements for the input of a tool call that starts a subagent. */
export const SUBAGENT_INPUT: readonly ScreenDemand[] = [
  { at: ["state", "input", "subagent_type"], wants: "text" },
  { at: ["state", "input", "description"], wants: "printable" },
];

/** Requirements for tool calls that all versions from 1.0 to 1.3 print in the same way. */
const FIRST_TOOLS: ReadonlyMap<string, readonly ScreenDemand[]> = new Map([
  ["glob", sought("count")],
  ["grep", sought("matches")],
  ["list", [{ at: ["state", "input", "path"], wants: "path" }]],
  ["webfetch", [{ at: ["state", "input", "url"], wants: "printable" }]],
]);

/** Requirements for tool calls that all versions from 1.0.142 to 1.3 print in the same way. */
export const TOOLS_OF_1_0_TO_1_3: ReadonlyMap<string, readonly ScreenDemand[]> = new Map([
  ...FIRST_TOOLS,
  ["edit", FILE_CHANGE],
  ["codesearch", [{ at: QUERY, wants: "printable" }, found("results", QUERY)]],
  ["websearch", [{ at: QUERY, wants: "printable" }, found("numResults", QUERY)]],
  [
    "todowrite",
    [
      { at: TODOS, wants: "something", ifAny: SHOWN_TODOS },
      { at: [...TODOS, "content"], wants: "printable", ifAny: SHOWN_TODOS },
    ],
  ],
]);

/**
 * The requirements of the terminal UI for the values that it prints. The server answers 200 for any value, but the UI
 * shows a fatal error instead of the session. Read in the code of 1.0.152 and measured in a real terminal:
 * docs/host-measurements.md.
 */
export const SCREEN_1_0: ScreenDemands = {
  tools: new Map([
    ...TOOLS_OF_1_0_TO_1_3,
    [
      "bash",
      [
        { at: ["state", "metadata", "output"], wants: "text" },
        { at: COMMAND, wants: "printable" },
        { at: ["state", "input", "description"], wants: "printable", ifAny: COMMAND },
      ],
    ],
    ["read", [{ at: FILE_OF_CALL, wants: "path" }]],
    [
      "write",
      [
        { at: FILE_OF_CALL, wants: "path" },
        { at: DIAGNOSTICS, wants: "answer" },
        { at: [...DIAGNOSTICS, EACH], wants: "any diagnostic" },
      ],
    ],
    ["task", [...SUBAGENT_INPUT, ...SUBAGENT_CALL, { at: [...SUBAGENT_CALLS, "tool"], wants: "some text" }]],
    ["patch", [{ at: ["state", "output"], wants: "path" }]],
  ]),
  otherTools: [{ at: ["tool"], wants: "printable" }],
  failedCalls: [{ at: ["state", "error"], wants: "some text" }],
  hasFailedBlocks: false,
  leavesOutAborted: false,
  fetches: 100,
  readsEveryTime: false,
  footers: "by finish",
};

/** Requirements for tool calls that 1.0.0 to 1.0.98 print in another way than later versions. */
const CALLED: ScreenDemand = { at: [...SUBAGENT_CALLS, "tool"], wants: "printable" };
const DIFF: ScreenDemand = { at: ["state", "metadata", "diff"], wants: "path" };
const WRITTEN: ScreenDemand = { at: ["state", "input", "content"], wants: "text" };
const DESCRIBED: ScreenDemand = { at: ["state", "input", "description"], wants: "printable" };

/**
 * The requirements of the UI of 1.0.98, read in its code. This version accepts any input of a tool that it does not
 * know.
 */
const SCREEN_1_0_98: ScreenDemands = {
  ...SCREEN_1_0,
  tools: new Map([
    ...[...SCREEN_1_0.tools].filter(([name]) => name !== "codesearch" && name !== "websearch"),
    ["task", [{ at: ["state", "input", "subagent_type"], wants: "printable" }, DESCRIBED, ...SUBAGENT_CALL, CALLED]],
    ["edit", [...FILE_CHANGE, DIFF]],
  ]),
  readsEveryTime: true,
  footers: "by steps and newest",
};

/** The requirements of the UI of 1.0.61, read in its code. */
const SCREEN_1_0_61: ScreenDemands = {
  ...SCREEN_1_0_98,
  tools: new Map([...SCREEN_1_0_98.tools, ["write", [...(SCREEN_1_0_98.tools.get("write") ?? []), WRITTEN]]]),
  footers: "by steps",
};

/** The requirements of the UI of 1.0.0, read in its code. Every tool call except a call of `patch` needs an input. */
const SCREEN_1_0_0: ScreenDemands = {
  ...SCREEN_1_0_61,
  tools: withInput([
    ...SCREEN_1_0_61.tools,
    ["write", [{ at: FILE_OF_CALL, wants: "path" }, WRITTEN]],
    ["edit", [{ at: FILE_OF_CALL, wants: "path" }, DIFF]],
    ["task", [DESCRIBED, ...SUBAGENT_CALL, CALLED]],
    [
      "todowrite",
      [
        { at: TODOS, wants: "something" },
        { at: [...TODOS, "content"], wants: "printable" },
      ],
    ],
  ]),
  otherTools: [INPUT, ...SCREEN_1_0.otherTools],
  fetches: Number.POSITIVE_INFINITY,
};

function withInput(
  tools: readonly (readonly [name: string, demands: readonly ScreenDemand[]])[],
): ScreenDemands["tools"] {
  return new Map(tools.map(([name, demands]) => [name, name === "patch" ? demands : [INPUT, ...demands]]));
}

/** opencode 1.0 keeps sessions in files, and requires only that each file is valid JSON. */
const LINE_1_0_98: HostProfile = {
  name: "1.0.98",
  first: "1.0.98",
  last: "1.0.98",
  journal: null,
  shaped: () => false,
  reads: [],
  writes: {},
  adds: [],
  upgradesOlder: false,
  contract: "syntax",
  sessionDiffs: { failsUnread: false, failsUnopened: false, isUtf8: false, holds: "anything" },
  emptyIfFalse: [],
  wantsAbsolutePaths: false,
  sandboxes: "list",
  looksUpWorkspaces: false,
  knowsContentFilter: true,
  checksErrorRef: false,
  wantsWholeUserTime: false,
  readsOwnMessageIDs: false,
  failsWholeLists: true,
  readsSessionTimes: true,
  projectFile: "unread",
  listed: "30 days",
  namesProjectsByRemote: false,
  logsWrites: false,
  marksInterrupted: false,
  screen: SCREEN_1_0_98,
};

const LINE_1_0_0: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0.0",
  first: "1.0.0",
  last: "1.0.0",
  readsOwnMessageIDs: true,
  screen: SCREEN_1_0_0,
};

const LINE_1_0_61: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0.61",
  first: "1.0.61",
  last: "1.0.61",
  sessionDiffs: { failsUnread: true, failsUnopened: true, isUtf8: false, holds: "anything" },
  screen: SCREEN_1_0_61,
};

export const LINE_1_0: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0",
  first: "1.0.142",
  last: "1.0.185",
  projectFile: "id",
  screen: SCREEN_1_0,
};

export const LINES_OF_1_0: readonly HostProfile[] = [LINE_1_0_0, LINE_1_0_61, LINE_1_0_98, LINE_1_0];
