/**
 * The requirement of the terminal UI of opencode 1.0 to 1.15 for a value. The profile of each version states its
 * requirements in these terms. A search finds the values that do not meet the requirements.
 */

/**
 * One step of a path. A text is a key. `EACH` is every item of a list, `EACH_ANSWER` the value under the number of each
 * question, `OWN_FILE` the value under the name of the call's file.
 */
type Step = string | typeof EACH | typeof EACH_ANSWER | typeof OWN_FILE;

export const EACH = Symbol("each item");
export const EACH_ANSWER = Symbol("the number of each question");
export const OWN_FILE = Symbol("input.filePath");

export const FILE_OF_CALL = ["state", "input", "filePath"] as const;

type Want = keyof typeof WANTS;

/** The values that the screen of opencode 1.0 to 1.15 accepts. */
const WANTS = {
  /** A value that JavaScript treats as false counts as no path. */
  path: { words: "a text", holds: (value: unknown) => !value || typeof value === "string" },
  text: { words: "a text", holds: (value: unknown) => isNothing(value) || typeof value === "string" },
  "some text": { words: "a text", holds: (value: unknown) => typeof value === "string" },
  printable: { words: "a text or a number", holds: isPrintable },
  failure: {
    words: "a text",
    holds: (value: unknown) => isNothing(value) || typeof value === "string" || isPrintableList(value),
  },
  something: { words: "an object", holds: (value: unknown) => !isNothing(value) },
  object: { words: "an object", holds: (value: unknown) => typeof value === "object" && value !== null },
  list: { words: "a list", holds: (value: unknown) => isNothing(value) || Array.isArray(value) },
  /** The screen joins the items of the value if it has a length. */
  answer: { words: "a list", holds: (value: unknown) => Array.isArray(value) || !lengthOf(value) },
  diagnostic: { words: "an object with a place and a text", holds: isDiagnostic },
  "any diagnostic": { words: "an object with a place and a text", holds: isPlaced },
} as const;

export interface ScreenDemand {
  readonly at: readonly Step[];
  readonly wants: Want;
  /** The requirement applies only if this other value is truthy. Otherwise the screen does not reach the place. */
  readonly ifAny?: readonly string[];
}

/** The differences of the terminal UI between lines of opencode. */
export interface Screen {
  /** The UI's requirements for calls of opencode's own tools, by tool name. */
  readonly tools: ReadonlyMap<string, readonly ScreenDemand[]>;
  /** The UI's requirements for calls of tools from a plugin or a server. */
  readonly otherTools: readonly ScreenDemand[];
  /** The UI's requirements for failed calls. */
  readonly failedCalls: readonly ScreenDemand[];
  /**
   * Whether a failed command with an output is a block of its own. Anything printable may be shown below such a block.
   */
  readonly hasFailedBlocks: boolean;
  /** Whether the UI does not print the error of an aborted answer. */
  readonly leavesOutAborted: boolean;
  /** How many of the newest messages of a session the UI fetches. */
  readonly fetches: number;
  /** Whether the UI reads the time of every answer, and of every question that it prints. */
  readonly readsEveryTime: boolean;
  /** The answers below which the UI prints the mode and the model (`hosts/screen.ts`). */
  readonly footers: "by finish" | "by steps and newest" | "by steps";
}

/** A value that the screen cannot print. */
export interface ScreenMismatch {
  readonly path: readonly (string | number)[];
  /** The problem at that place, in words without session content. */
  readonly words: string;
  readonly found: "nothing" | "null" | "something";
  /** `list on screen`: the screen joins this list or loops over it. */
  readonly wants: "text on screen" | "list on screen" | "other on screen";
}

/**
 * Whether every value of a record meets the requirement: {@link collect} would add nothing. This is asked of each
 * record, so nothing is written down.
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

/** Adds each value of a record that does not meet the requirement to `mismatches`. */
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

/** The items of a list, or the values under the numbers of a call's questions. */
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
 * The value of a key in a parsed document. `Object.hasOwn` for each key would double the time of a check. The only
 * values that objects and lists inherit are functions, which JSON does not have, and `__proto__`.
 */
function ownValue(holder: unknown, name: string): unknown {
  if (typeof holder !== "object" || holder === null) return undefined;
  const value = (holder as Readonly<Record<string, unknown>>)[name];
  if (typeof value === "function" || (name === "__proto__" && !Object.hasOwn(holder, name))) return undefined;
  return asWritten(value);
}

export function isNothing(value: unknown): value is null | undefined {
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

/**
 * Whether a diagnostic is an error. The screen prints errors with their position, and leaves out warnings and hints.
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

/** A path as maintainers of opencode write it. All names in it are opencode's own, except for a file name. */
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
