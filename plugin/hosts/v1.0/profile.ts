import type { HostProfile } from "../profile.ts";
import { EACH, EACH_ANSWER, FILE_OF_CALL, OWN_FILE, type Screen, type ScreenDemand } from "../screen-demand.ts";

const PATTERN = ["state", "input", "pattern"] as const;
const QUERY = ["state", "input", "query"] as const;
const TODOS = ["state", "input", "todos", EACH] as const;
const SHOWN_TODOS = ["state", "metadata", "todos", "length"] as const;
const QUESTIONS = ["state", "input", "questions", EACH] as const;
const ANSWERS = ["state", "metadata", "answers"] as const;
const DIAGNOSTICS = ["state", "metadata", "diagnostics", OWN_FILE] as const;
const PATCHED = ["state", "metadata", "files", EACH] as const;

function found(count: string, sought: readonly string[]): ScreenDemand {
  return { at: ["state", "metadata", count], wants: "printable", ifAny: sought };
}

function sought(count: string): readonly ScreenDemand[] {
  const path: ScreenDemand = { at: ["state", "input", "path"], wants: "path", ifAny: PATTERN };
  return [{ at: PATTERN, wants: "printable" }, path, found(count, PATTERN)];
}

const FILE_CHANGE: readonly ScreenDemand[] = [
  { at: FILE_OF_CALL, wants: "path" },
  { at: DIAGNOSTICS, wants: "list" },
  { at: [...DIAGNOSTICS, EACH], wants: "diagnostic" },
];

/** Of a tool of opencode's own, by its name. */
const OF_TOOLS: ReadonlyMap<string, readonly ScreenDemand[]> = new Map([
  [
    "bash",
    [
      { at: ["state", "metadata", "output"], wants: "text" },
      { at: ["state", "input", "command"], wants: "printable" },
      { at: ["state", "input", "workdir"], wants: "path" },
      { at: ["state", "input", "description"], wants: "failure", ifAny: ["state", "input", "workdir"] },
    ],
  ],
  ["glob", sought("count")],
  ["grep", sought("matches")],
  ["list", [{ at: ["state", "input", "path"], wants: "path" }]],
  [
    "read",
    [
      { at: FILE_OF_CALL, wants: "path" },
      { at: ["state", "time"], wants: "something" },
    ],
  ],
  ["write", FILE_CHANGE],
  ["edit", FILE_CHANGE],
  ["webfetch", [{ at: ["state", "input", "url"], wants: "printable" }]],
  ["codesearch", [{ at: QUERY, wants: "printable" }, found("results", QUERY)]],
  ["websearch", [{ at: QUERY, wants: "printable" }, found("numResults", QUERY)]],
  [
    "task",
    [
      { at: ["state", "input", "subagent_type"], wants: "text" },
      { at: ["state", "input", "description"], wants: "printable" },
    ],
  ],
  [
    "apply_patch",
    [
      { at: PATCHED, wants: "something" },
      { at: [...PATCHED, "filePath"], wants: "path" },
      { at: [...PATCHED, "deletions"], wants: "printable" },
    ],
  ],
  [
    "todowrite",
    [
      { at: TODOS, wants: "something", ifAny: SHOWN_TODOS },
      { at: [...TODOS, "content"], wants: "printable", ifAny: SHOWN_TODOS },
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
]);

/**
 * What the terminal UI demands of the values that it prints. The server answers 200 whatever they are; the UI shows a fatal
 * error instead of the session. Read in the code of 1.2.27 and measured in a real terminal: docs/host-measurements.md.
 */
export const SCREEN_1_0: Screen = { tools: OF_TOOLS, leavesOutAborted: false };

/** Sessions are files, and each of them is read as it is: nothing but its JSON is looked at. */
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
