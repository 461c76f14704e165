/**
 * The values that the terminal UI of opencode 1.0 to 1.15 can print. The UI closes when it has to print any other
 * value. The folders `v1.0` to `v1.14` state these requirements for each range of versions. `collect` finds the values
 * of a record that break them.
 */

/**
 * One step of a path to a value. A text is a key. `EACH` means every item of a list. `EACH_ANSWER` means the number of
 * each question. `OWN_FILE` means the name of the file that a tool call works on.
 */
type Step = string | typeof EACH | typeof EACH_ANSWER | typeof OWN_FILE;

export const EACH = Symbol("each item");
export const EACH_ANSWER = Symbol("the number of each question");
export const OWN_FILE = Symbol("input.filePath");

export const FILE_OF_CALL = ["state", "input", "filePath"] as const;

type Want = keyof typeof WANTS;

/** The kinds of values that the terminal UI of opencode 1.0 to 1.15 accepts in one place. */
const WANTS = {
  /** The path of a file. The UI ignores a value that JavaScript treats as false, so such a value is accepted too. */
  path: { words: "a text", holds: (value: unknown) => !value || typeof value === "string" },
  text: { words: "a text", holds: (value: unknown) => isNothing(value) || typeof value === "string" },
  "some text": { words: "a text", holds: (value: unknown) => typeof value === "string" },
  printable: { words: "a text or a number", holds: isPrintable },
  failure: {
    words: "a text",
    holds: (value: unknown) =>
      isNothing(value) || typeof value === "string" || (Array.isArray(value) && isPrintable(value)),
  },
  something: { words: "an object", holds: (value: unknown) => !isNothing(value) },
  object: { words: "an object", holds: (value: unknown) => typeof value === "object" && value !== null },
  list: { words: "a list", holds: (value: unknown) => isNothing(value) || Array.isArray(value) },
  /** The UI joins the items of a value that has a length. So such a value must be a list. */
  answer: { words: "a list", holds: (value: unknown) => Array.isArray(value) || !lengthOf(value) },
  /**
   * The UI looks up the view of a part in an object, by the part's type. If the type is the name of an inherited
   * function, the UI calls that function and fails.
   */
  "part type": { words: "a type of opencode", holds: (value: unknown) => !isInherited(value) },
  diagnostic: { words: "an object with a place and a text", holds: isDiagnostic },
  "any diagnostic": { words: "an object with a place and a text", holds: isPlaced },
} as const;

export interface ScreenDemand {
  readonly at: readonly Step[];
  readonly wants: Want;
  /**
   * The path of another value. If the other value is falsy, the UI does not print the value at `at`, so the requirement
   * does not apply.
   */
  readonly ifAny?: readonly string[];
}

/** How the terminal UI differs between ranges of opencode versions. */
export interface ScreenDemands {
  /** What the UI requires of calls of opencode's own tools, by the name of the tool. */
  readonly tools: ReadonlyMap<string, readonly ScreenDemand[]>;
  /** What the UI requires of calls of tools that come from a plugin or an MCP server. */
  readonly otherTools: readonly ScreenDemand[];
  /** What the UI requires of tool calls that failed. */
  readonly failedCalls: readonly ScreenDemand[];
  /**
   * Whether the UI prints a failed command with an output as a block of its own. In such a block, the error may be any
   * text or number.
   */
  readonly hasFailedBlocks: boolean;
  /** Whether the UI leaves out the error of an aborted answer. */
  readonly leavesOutAborted: boolean;
  /** How many of the newest messages of a session the UI fetches. */
  readonly fetches: number;
  /** Whether the UI reads the time of every answer, and of every question that it prints. */
  readonly readsEveryTime: boolean;
  /**
   * The rule by which the UI decides whether to print the mode and the model below an answer (`HAS_FOOTER` in
   * `hosts/screen.ts`).
   */
  readonly footers: "by finish" | "by steps and newest" | "by steps";
}

/** A value in a record that the terminal UI cannot print. */
export interface ScreenMismatch {
  readonly path: readonly (string | number)[];
  /** The problem at that place, in words without content of the session. */
  readonly words: string;
  readonly found: "nothing" | "null" | "something";
  /** `list on screen` means that the UI joins this list or loops over it. */
  readonly wants: "text on screen" | "list on screen" | "other on screen";
}

/**
 * Whether every value of a record meets the requirement `demand`, so that {@link collect} would add nothing. A check
 * calls this function for each record, so the function makes no list of mismatches.
 */
export function meets(record: unknown, demand: ScreenDemand): boolean {
  return (demand.ifAny !== undefined && !at(record, demand.ifAny)) || meetsFrom(0, record, record, demand);
}

function meetsFrom(step: number, value: unknown, record: unknown, demand: ScreenDemand): boolean {
  let here = value;
  for (let next = step; next < demand.at.length; next += 1) {
    const key = demand.at[next] as Step;
    if (key === EACH || key === EACH_ANSWER) {
      for (const item of itemsOf(here, key, record)) if (!meetsFrom(next + 1, item, record, demand)) return false;
      return true;
    }
    const name = key === OWN_FILE ? at(record, FILE_OF_CALL) : key;
    if (typeof name !== "string") return true;
    here = ownValue(here, name);
  }
  return WANTS[demand.wants].holds(here);
}

/** Searches a record for values that do not meet the requirement `demand`, and adds them to `mismatches`. */
export function collect(record: unknown, demand: ScreenDemand, mismatches: ScreenMismatch[]): void {
  if (demand.ifAny === undefined || at(record, demand.ifAny)) search(record, record, demand, 0, [], mismatches);
}

function search(
  record: unknown,
  value: unknown,
  demand: ScreenDemand,
  step: number,
  path: readonly (string | number)[],
  mismatches: ScreenMismatch[],
): void {
  const key = demand.at[step];
  if (key === EACH || key === EACH_ANSWER) {
    itemsOf(value, key, record).forEach((item, index) => {
      search(record, item, demand, step + 1, [...path, index], mismatches);
    });
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
  const name = key === OWN_FILE ? at(record, FILE_OF_CALL) : key;
  if (typeof name !== "string") return;
  search(record, at(value, [name]), demand, step + 1, [...path, name], mismatches);
}

/** All items of a list (`EACH`), or one value for each question of a tool call (`EACH_ANSWER`). */
function itemsOf(value: unknown, key: typeof EACH | typeof EACH_ANSWER, record: unknown): readonly unknown[] {
  if (key === EACH) return Array.isArray(value) ? value.map(asWritten) : [];
  const questions = at(record, ["state", "input", "questions"]);
  if (!Array.isArray(questions)) return [];
  return questions.map((_, index) => (typeof value === "string" ? value[index] : ownValue(value, String(index))));
}

/** `JSON.stringify` writes a number that JSON cannot express as `null`. */
function asWritten(value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? null : value;
}

/** The value at a path of a document. Inherited properties do not count. */
export function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const name of path) here = ownValue(here, name);
  return here;
}

/**
 * The value of a key in a parsed document. Inherited values do not count. `Object.hasOwn` for each key would double the
 * time of a check. So this function only leaves out functions, which JSON does not have, and an inherited `__proto__`:
 * objects and lists inherit nothing else.
 */
export function ownValue(holder: unknown, name: string): unknown {
  if (typeof holder !== "object" || holder === null) return undefined;
  const value = (holder as Readonly<Record<string, unknown>>)[name];
  if (typeof value === "function" || (name === "__proto__" && !Object.hasOwn(holder, name))) return undefined;
  return asWritten(value);
}

export function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** No recursion, because a list may be nested more deeply than functions can be called. */
function isPrintable(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (typeof each !== "object" || each === null) continue;
    if (!Array.isArray(each)) return false;
    for (const item of each) left.push(item);
  }
  return true;
}

/**
 * Whether a part type is the name of a function that every JavaScript object inherits, such as `toString`.
 * `constructor` is left out, because the UI then shows nothing and does not fail (measured on 1.3.0).
 */
function isInherited(name: unknown): boolean {
  if (typeof name !== "string" || name === "constructor" || !(name in Object.prototype)) return false;
  return typeof Reflect.get(Object.prototype, name) === "function";
}

function lengthOf(value: unknown): unknown {
  return typeof value === "string" ? value.length : at(value, ["length"]);
}

/**
 * Whether the UI can print a diagnostic (an error or warning in a file). The UI prints errors with their position, so
 * an error needs a position. The UI leaves out warnings and hints.
 */
function isDiagnostic(value: unknown): boolean {
  if (isNothing(value)) return false;
  return at(value, ["severity"]) !== 1 || isPlaced(value);
}

function isPlaced(diagnostic: unknown): boolean {
  return !isNothing(at(diagnostic, ["range", "start"])) && isPrintable(at(diagnostic, ["message"]));
}

function typeWords(value: unknown): string {
  if (isNothing(value)) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : typeof value === "string" ? "a text" : `a ${typeof value}`;
}

/**
 * The path to a value, written as in JavaScript. All names in the path are opencode's own. The name of a user's file is
 * replaced by `[…]`.
 */
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
