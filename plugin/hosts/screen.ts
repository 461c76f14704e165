/**
 * What the terminal UI of opencode 1.0 to 1.15 demands of the values that it prints. The server answers 200 whatever they
 * are; the UI shows a fatal error instead of the session. Read in the code of 1.2.27 and measured in a real terminal:
 * docs/host-measurements.md.
 */

/**
 * The screens of opencode 1.0 and 1.1, of 1.2 and 1.3, and of 1.14 and 1.15, which has no words of its own for two old
 * tools. Up to 1.2.15 the screen of 1.2 prints calls of `task` as that of 1.1 does (source); 1.2.27 does not.
 */
export type ScreenName = "1.0" | "1.2" | "1.14";

/**
 * A name; `EACH`: every item of a list; `EACH_ANSWER`: what is kept under the number of each question; `OWN_FILE`: what is
 * kept under the name of the file that the call is about.
 */
type Step = string | typeof EACH | typeof EACH_ANSWER | typeof OWN_FILE;

const EACH = Symbol("each item");
const EACH_ANSWER = Symbol("the number of each question");
const OWN_FILE = Symbol("input.filePath");

type Want = keyof typeof WANTS;

/** What the screen of opencode 1.0 to 1.15 takes. */
const WANTS = {
  /** Whatever JavaScript takes for false counts as no path. */
  path: { words: "a text", holds: (value: unknown) => !value || typeof value === "string" },
  text: { words: "a text", holds: (value: unknown) => isNothing(value) || typeof value === "string" },
  "some text": { words: "a text", holds: (value: unknown) => typeof value === "string" },
  printable: { words: "a text or a number", holds: isPrintable },
  failure: {
    words: "a text",
    holds: (value: unknown) => isNothing(value) || typeof value === "string" || isPrintableList(value),
  },
  something: { words: "an object", holds: (value: unknown) => !isNothing(value) },
  list: { words: "a list", holds: (value: unknown) => isNothing(value) || Array.isArray(value) },
  /** Joined, if it has a length. */
  answer: { words: "a list", holds: (value: unknown) => Array.isArray(value) || !lengthOf(value) },
  diagnostic: { words: "an object with a place and a text", holds: isDiagnostic },
} as const;

interface ScreenDemand {
  readonly at: readonly Step[];
  readonly wants: Want;
  /** Only where this value counts as something: else the screen does not come to it. */
  readonly ifAny?: readonly string[];
  /** Only on these screens. */
  readonly only?: readonly ScreenName[];
}

/** A value that the screen cannot print. */
export interface ScreenMismatch {
  readonly path: readonly (string | number)[];
  /** What is wrong there, in words that hold no content. */
  readonly words: string;
  readonly found: "nothing" | "null" | "something";
  /** `list on screen`: a list that the screen joins or goes through. */
  readonly wants: "text on screen" | "list on screen" | "other on screen";
}

const FILE = ["state", "input", "filePath"] as const;
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

function search(count: string): readonly ScreenDemand[] {
  const path: ScreenDemand = { at: ["state", "input", "path"], wants: "path", ifAny: PATTERN };
  return [{ at: PATTERN, wants: "printable" }, path, found(count, PATTERN)];
}

const FILE_CHANGE: readonly ScreenDemand[] = [
  { at: FILE, wants: "path" },
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
  ["glob", search("count")],
  ["grep", search("matches")],
  ["list", [{ at: ["state", "input", "path"], wants: "path" }]],
  [
    "read",
    [
      { at: FILE, wants: "path" },
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
      { at: ["state", "input", "subagent_type"], wants: "text", only: ["1.0", "1.14"] },
      { at: ["state", "input", "description"], wants: "printable", only: ["1.0"] },
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

/** What the terminal UI of opencode 1.0 to 1.15 cannot print of a part, by its JSON; nothing where it shows it. A pure function. */
export function screenMismatches(part: unknown, screen: ScreenName): ScreenMismatch[] {
  const mismatches: ScreenMismatch[] = [];
  for (const demand of demandsOn(part, screen)) {
    if (demand.only?.includes(screen) === false) continue;
    if (demand.ifAny === undefined || at(part, demand.ifAny)) collect(part, part, demand, 0, [], mismatches);
  }
  return mismatches;
}

function demandsOn(part: unknown, screen: ScreenName): readonly ScreenDemand[] {
  const type = at(part, ["type"]);
  if (type === "reasoning") return OF_TEXTS;
  // Of a user's text anything is printed but an object; opencode writes no time there.
  if (type === "text") return at(part, ["time", "start"]) === undefined ? [] : OF_TEXTS;
  if (type === "file") return OF_FILES;
  if (type !== "tool") return [];
  const state = at(part, ["state"]);
  if (isNothing(state)) return NO_STATE;
  const tool = at(part, ["tool"]);
  const isKnown = screen !== "1.14" || !UNKNOWN_TO_1_14.includes(tool);
  const own = (isKnown ? OF_TOOLS.get(tool) : null) ?? OF_OTHER_TOOLS;
  const status = at(state, ["status"]);
  if (status === "error") {
    const isBlock = tool === "bash" && at(state, ["metadata", "output"]) !== undefined;
    return [...own.filter(isOfEveryStatus), ...(isBlock ? OF_FAILED_COMMANDS : OF_FAILED_CALLS)];
  }
  if (status === "completed") return own;
  return own.filter((demand) => isOfEveryStatus(demand) && (status !== "pending" || !demand.at.includes("metadata")));
}

/** The screen looks at what a call returned, and when, only once it has returned. */
function isOfEveryStatus({ at: [, name] }: ScreenDemand): boolean {
  return name !== "output" && name !== "time";
}

/** A place as maintainers of opencode write it. All names in it are opencode's own, except that of a file. */
export function screenPath({ path }: ScreenMismatch): string {
  const isOfFile = path[2] === "diagnostics";
  const names = path.map((name, index) => (isOfFile && index === 3 ? "[…]" : name));
  return names
    .map((name, index) =>
      typeof name === "number" || name === "[…]" ? bracketed(name) : `${index === 0 ? "" : "."}${name}`,
    )
    .join("");
}

function bracketed(name: string | number): string {
  return typeof name === "number" ? `[${name}]` : name;
}

function collect(
  part: unknown,
  value: unknown,
  demand: ScreenDemand,
  step: number,
  path: readonly (string | number)[],
  mismatches: ScreenMismatch[],
): void {
  const key = demand.at[step];
  if (key === EACH || key === EACH_ANSWER) {
    const counted = key === EACH ? value : at(part, ["state", "input", "questions"]);
    if (!Array.isArray(counted)) return;
    for (const index of counted.keys()) {
      const item = typeof value === "string" ? value[index] : at(value, [String(index)]);
      collect(part, item, demand, step + 1, [...path, index], mismatches);
    }
    return;
  }
  if (key === undefined) {
    const { holds, words } = WANTS[demand.wants];
    if (holds(value)) return;
    const kind = value === undefined ? "nothing" : value === null ? "null" : "something";
    const wants = words === "a text" ? "text on screen" : words === "a list" ? "list on screen" : "other on screen";
    mismatches.push({ path, words: `expected ${words}, got ${typeWords(value)}`, found: kind, wants });
    return;
  }
  const name = key === OWN_FILE ? at(part, FILE) : key;
  if (typeof name !== "string") return;
  collect(part, at(value, [name]), demand, step + 1, [...path, name], mismatches);
}

function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[name];
  }
  return here;
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function isPrintable(value: unknown): boolean {
  return typeof value !== "object" || value === null || isPrintableList(value);
}

function isPrintableList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isPrintable);
}

function lengthOf(value: unknown): unknown {
  return typeof value === "string" ? value.length : at(value, ["length"]);
}

/** An error, which the screen prints with its place; it leaves out anything milder. */
function isDiagnostic(value: unknown): boolean {
  if (isNothing(value)) return false;
  if (at(value, ["severity"]) !== 1) return true;
  return !isNothing(at(value, ["range", "start"])) && isPrintable(at(value, ["message"]));
}

function typeWords(value: unknown): string {
  if (isNothing(value)) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : typeof value === "string" ? "a text" : `a ${typeof value}`;
}
