import type { ShownIn } from "../model/artifact.ts";
import {
  at,
  collect,
  EACH,
  EACH_ANSWER,
  FILE_OF_CALL,
  isNothing,
  OWN_FILE,
  type ScreenDemand,
  type ScreenMismatch,
  type ScreenName,
} from "./screen-demand.ts";

/**
 * What the terminal UI of opencode 1.0 to 1.15 demands of the values that it prints. The server answers 200 whatever they
 * are; the UI shows a fatal error instead of the session. Read in the code of 1.2.27 and measured in a real terminal:
 * docs/host-measurements.md.
 */

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
const OF_TOOLS: ReadonlyMap<unknown, readonly ScreenDemand[]> = new Map<string, readonly ScreenDemand[]>([
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
      { at: ["state", "input", "subagent_type"], wants: "text", only: ["1.1", "1.14"] },
      { at: ["state", "input", "description"], wants: "printable", only: ["1.1"] },
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

const COMMAND = ["state", "input", "command"] as const;
const SUBAGENT_CALLS = ["state", "metadata", "summary", EACH] as const;

/** Of the screen of 1.0, which has other words for some tools (source of 1.0.152; measured there). */
const OF_TOOLS_1_0: ReadonlyMap<unknown, readonly ScreenDemand[]> = new Map<string, readonly ScreenDemand[]>([
  ...["glob", "grep", "list", "edit", "webfetch", "codesearch", "websearch", "todowrite"].map(
    (name) => [name, OF_TOOLS.get(name) ?? []] as const,
  ),
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
      { at: ["state", "input", "subagent_type"], wants: "text" },
      { at: ["state", "input", "description"], wants: "printable" },
      { at: [...SUBAGENT_CALLS, "tool"], wants: "some text" },
      { at: [...SUBAGENT_CALLS, "state"], wants: "something" },
    ],
  ],
  ["patch", [{ at: ["state", "output"], wants: "path" }]],
]);

/** The screen of 1.0 prints no output of a tool that it does not know, and every error as the text that it is. */
const OF_OTHER_TOOLS_1_0: readonly ScreenDemand[] = [{ at: ["tool"], wants: "printable" }];
const OF_FAILED_CALLS_1_0: readonly ScreenDemand[] = [{ at: ["state", "error"], wants: "some text" }];

const UNKNOWN_TO_1_14: readonly unknown[] = ["list", "codesearch"];

/** Of a tool of a plugin or a server: the screen prints its name and what it returned. */
const OF_OTHER_TOOLS: readonly ScreenDemand[] = [
  { at: ["tool"], wants: "printable" },
  { at: ["state", "output"], wants: "text" },
];

const OF_FAILED_CALLS: readonly ScreenDemand[] = [{ at: ["state", "error"], wants: "failure" }];

/** A command with an output is a block of its own, below which whatever can be printed is. */
const OF_FAILED_COMMANDS: readonly ScreenDemand[] = [{ at: ["state", "error"], wants: "printable" }];

const NO_STATE: readonly ScreenDemand[] = [{ at: ["state"], wants: "something" }];

const OF_TEXTS: readonly ScreenDemand[] = [{ at: ["text"], wants: "some text" }];

const OF_FILES: readonly ScreenDemand[] = [
  { at: ["mime"], wants: "some text" },
  { at: ["filename"], wants: "printable" },
];

/** Of a question the screen prints the user's own text, and the names of files. */
const OF_OWN_TEXTS: readonly ScreenDemand[] = [{ at: ["text"], wants: "printable" }];

/**
 * What the terminal UI of opencode 1.0 to 1.15 cannot print of a part, by its JSON; nothing where it shows it. Without
 * `shownIn`: wherever it stands. A pure function.
 */
export function screenMismatches(part: unknown, screen: ScreenName, shownIn?: ShownIn): ScreenMismatch[] {
  const mismatches: ScreenMismatch[] = [];
  for (const demand of demandsOn(part, screen, shownIn)) {
    if (demand.only?.includes(screen) !== false) collect(part, demand, mismatches);
  }
  return mismatches;
}

function demandsOn(part: unknown, screen: ScreenName, shownIn: ShownIn | undefined): readonly ScreenDemand[] {
  const type = at(part, ["type"]);
  const ofQuestion = type === "file" ? OF_FILES : isOwnText(part) ? OF_OWN_TEXTS : [];
  if (shownIn === "nowhere") return [];
  if (shownIn === "question") return ofQuestion;
  if (type === "reasoning" || type === "text") return OF_TEXTS;
  if (type !== "tool") return shownIn === "answer" ? [] : ofQuestion;
  const state = at(part, ["state"]);
  if (isNothing(state)) return NO_STATE;
  const tool = at(part, ["tool"]);
  const own = demandsOfTool(tool, screen);
  const status = at(state, ["status"]);
  if (status === "error" && screen === "1.0") return [...own.filter(isOfEveryStatus), ...OF_FAILED_CALLS_1_0];
  if (status === "error") {
    const isBlock = tool === "bash" && at(state, ["metadata", "output"]) !== undefined;
    return [...own.filter(isOfEveryStatus), ...(isBlock ? OF_FAILED_COMMANDS : OF_FAILED_CALLS)];
  }
  if (status === "completed") return own;
  return own.filter((demand) => isOfEveryStatus(demand) && (status !== "pending" || !demand.at.includes("metadata")));
}

function demandsOfTool(tool: unknown, screen: ScreenName): readonly ScreenDemand[] {
  if (screen === "1.0") return OF_TOOLS_1_0.get(tool) ?? OF_OTHER_TOOLS_1_0;
  const isKnown = screen !== "1.14" || !UNKNOWN_TO_1_14.includes(tool);
  return (isKnown ? OF_TOOLS.get(tool) : null) ?? OF_OTHER_TOOLS;
}

/** Whether a part of a question is what the user wrote. */
export function isOwnText(part: unknown): boolean {
  return at(part, ["type"]) === "text" && !at(part, ["synthetic"]);
}

/** The screen looks at what a call returned, and when, only once it has returned. */
function isOfEveryStatus({ at: [, name] }: ScreenDemand): boolean {
  return name !== "output" && name !== "time";
}
