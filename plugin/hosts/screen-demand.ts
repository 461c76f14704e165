/**
 * The form in which the tables of `screen.ts` and `screen-message.ts` say what the terminal UI of opencode 1.0 to 1.15
 * demands of a value, and the search for values that do not hold it.
 */

/**
 * Terminal UIs that differ, named by their first version:
 * - `1.0`.
 * - `1.1` to 1.2.15: it does not print the error of an aborted answer.
 * - `1.2`, from 1.2.20 to 1.3: it prints a call of `task` in one line.
 * - `1.14` and 1.15: it prints the old tools `list` and `codesearch` as any other tool.
 */
export type ScreenName = "1.0" | "1.1" | "1.2" | "1.14";

/**
 * A name; `EACH`: every item of a list; `EACH_ANSWER`: what is kept under the number of each question; `OWN_FILE`: what is
 * kept under the name of the file that the call is about.
 */
type Step = string | typeof EACH | typeof EACH_ANSWER | typeof OWN_FILE;

export const EACH = Symbol("each item");
export const EACH_ANSWER = Symbol("the number of each question");
export const OWN_FILE = Symbol("input.filePath");

export const FILE_OF_CALL = ["state", "input", "filePath"] as const;

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
  object: { words: "an object", holds: (value: unknown) => typeof value === "object" && value !== null },
  list: { words: "a list", holds: (value: unknown) => isNothing(value) || Array.isArray(value) },
  /** Joined, if it has a length. */
  answer: { words: "a list", holds: (value: unknown) => Array.isArray(value) || !lengthOf(value) },
  diagnostic: { words: "an object with a place and a text", holds: isDiagnostic },
} as const;

export interface ScreenDemand {
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

/** Adds what a demand finds in a record to `mismatches`. */
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

/** What stands at a place of a document, among its own names. */
export function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[name];
  }
  return here;
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
