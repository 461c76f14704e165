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
  /** The screen finds the view of a part by its type, and calls what every object of JavaScript has under that name. */
  "part type": { words: "a type of opencode", holds: (value: unknown) => !isInherited(value) },
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
    const counted = key === EACH ? value : at(record, ["state", "input", "questions"]);
    if (!Array.isArray(counted)) return;
    for (const index of counted.keys()) {
      const item = typeof value === "string" ? value[index] : at(value, [String(index)]);
      search(record, item, demand, step + 1, [...path, index], mismatches);
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
  const name = key === OWN_FILE ? at(record, FILE_OF_CALL) : key;
  if (typeof name !== "string") return;
  search(record, at(value, [name]), demand, step + 1, [...path, name], mismatches);
}

/** The value at a path of a document. Inherited properties do not count. */
export function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[name];
  }
  // `JSON.stringify` writes a number that JSON cannot express as `null`.
  return typeof here === "number" && !Number.isFinite(here) ? null : here;
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

/** A function under `constructor` shows nothing, and ends nothing (measured on 1.3.0). */
function isInherited(name: unknown): boolean {
  if (typeof name !== "string" || name === "constructor" || !(name in Object.prototype)) return false;
  return typeof Reflect.get(Object.prototype, name) === "function";
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
