import type { HostProfile } from "../profile.ts";
import { EACH, FILE_OF_CALL, OWN_FILE, type Screen, type ScreenDemand } from "../screen-demand.ts";

const PATTERN = ["state", "input", "pattern"] as const;
const QUERY = ["state", "input", "query"] as const;
const COMMAND = ["state", "input", "command"] as const;
const TODOS = ["state", "input", "todos", EACH] as const;
const SHOWN_TODOS = ["state", "metadata", "todos", "length"] as const;
const DIAGNOSTICS = ["state", "metadata", "diagnostics", OWN_FILE] as const;
const SUBAGENT_CALLS = ["state", "metadata", "summary", EACH] as const;

function found(count: string, sought: readonly string[]): ScreenDemand {
  return { at: ["state", "metadata", count], wants: "printable", ifAny: sought };
}

function sought(count: string): readonly ScreenDemand[] {
  const path: ScreenDemand = { at: ["state", "input", "path"], wants: "path", ifAny: PATTERN };
  return [{ at: PATTERN, wants: "printable" }, path, found(count, PATTERN)];
}

/** Demands on a call that writes a file, for screens that print only errors among the diagnostics. */
export const FILE_CHANGE: readonly ScreenDemand[] = [
  { at: FILE_OF_CALL, wants: "path" },
  { at: DIAGNOSTICS, wants: "list" },
  { at: [...DIAGNOSTICS, EACH], wants: "diagnostic" },
];

/** Demands on the input of a call that starts a subagent. */
export const SUBAGENT_INPUT: readonly ScreenDemand[] = [
  { at: ["state", "input", "subagent_type"], wants: "text" },
  { at: ["state", "input", "description"], wants: "printable" },
];

/** Demands on calls of tools that 1.0 to 1.3 print with the same words. */
export const TOOLS_OF_1_0_TO_1_3: ReadonlyMap<string, readonly ScreenDemand[]> = new Map([
  ["glob", sought("count")],
  ["grep", sought("matches")],
  ["list", [{ at: ["state", "input", "path"], wants: "path" }]],
  ["edit", FILE_CHANGE],
  ["webfetch", [{ at: ["state", "input", "url"], wants: "printable" }]],
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
 * What the terminal UI requires of the values that it prints. The server answers 200 whatever they are, but the UI
 * shows a fatal error instead of the session. Read in the code of 1.0.152 and measured in a real terminal:
 * docs/host-measurements.md.
 */
export const SCREEN_1_0: Screen = {
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
        { at: FILE_OF_CALL, wants: "printable" },
        { at: DIAGNOSTICS, wants: "answer" },
        { at: [...DIAGNOSTICS, EACH], wants: "any diagnostic" },
      ],
    ],
    [
      "task",
      [
        ...SUBAGENT_INPUT,
        { at: [...SUBAGENT_CALLS, "tool"], wants: "some text" },
        { at: [...SUBAGENT_CALLS, "state"], wants: "something" },
      ],
    ],
    ["patch", [{ at: ["state", "output"], wants: "path" }]],
  ]),
  otherTools: [{ at: ["tool"], wants: "printable" }],
  failedCalls: [{ at: ["state", "error"], wants: "some text" }],
  hasFailedBlocks: false,
  leavesOutAborted: false,
};

/** Sessions are files. The host requires only that each file is valid JSON. */
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
  sessionDiffs: { failsUnread: false, isUtf8: false, holds: "anything" },
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
  screen: SCREEN_1_0,
};

const LINE_1_0_0: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0.0",
  first: "1.0.0",
  last: "1.0.0",
  readsOwnMessageIDs: true,
};

const LINE_1_0_61: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0.61",
  first: "1.0.61",
  last: "1.0.61",
  sessionDiffs: { failsUnread: true, isUtf8: false, holds: "anything" },
};

export const LINE_1_0: HostProfile = {
  ...LINE_1_0_98,
  name: "1.0",
  first: "1.0.142",
  last: "1.0.185",
  projectFile: "id",
};

export const LINES_OF_1_0: readonly HostProfile[] = [LINE_1_0_0, LINE_1_0_61, LINE_1_0_98, LINE_1_0];
