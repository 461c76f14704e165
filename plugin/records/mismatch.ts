import type { z } from "zod";

/** One place in a parsed record that opencode does not accept. */
export interface Mismatch {
  readonly path: readonly PropertyKey[];
  /** The problem at that place, in words without content of the session. */
  readonly words: string;
  readonly found: "nothing" | "null" | "something";
  /** The type that the schema expects, if the value has another type; otherwise `null`. */
  readonly expected: string | null;
  /**
   * Whether a request that loads sessions fails because of this place. If not, only an additional request of a client
   * fails.
   */
  readonly blocks: boolean;
}

/** The words for a record whose id differs from the name of its file. */
export const OTHER_THAN_NAME = "differs from the name of the file";

/** Objects whose keys come from the user or a tool. These keys are content, so they are not printed. */
const OPEN_OBJECTS: readonly PropertyKey[] = [
  ...["tools", "responseHeaders", "metadata", "input"],
  // In opencode 2.x, the keys of the following objects are content too.
  ...["structured", "providerMetadata", "resultMetadata"],
];

/** A path to a value, written as in JavaScript: `state.time.start`, `diffs[0].additions`. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  path.forEach((key, index) => {
    const before = path[index - 1];
    if (typeof key === "number") text += `[${key}]`;
    else if (before !== undefined && OPEN_OBJECTS.includes(before)) text += "[…]";
    else text += `${text === "" ? "" : "."}${String(key)}`;
  });
  return text;
}

/** The places of a document or row that do not fit a schema; empty if it fits. */
export function schemaMismatches(schema: z.ZodType, value: unknown): Mismatch[] {
  const result = schema.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => fromIssue(issue, valueAt(value, issue.path)));
}

function fromIssue(issue: z.core.$ZodIssue, at: unknown): Mismatch {
  const expected = "expected" in issue ? String(issue.expected) : null;
  return { path: issue.path, words: words(issue, at), found: foundAs(at), expected, blocks: true };
}

export function foundAs(value: unknown): Mismatch["found"] {
  return value === undefined ? "nothing" : value === null ? "null" : "something";
}

function words(issue: z.core.$ZodIssue, at: unknown): string {
  if (at === undefined) return "missing";
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "undefined") return "is there";
      return `expected ${article(issue.expected)}, got ${typeWords(at)}`;
    case "too_small":
      return "negative";
    case "too_big":
      return "beyond the exact integers";
    case "invalid_format":
      return "prefix" in issue ? `does not begin with "${String(issue.prefix)}"` : "wrong format";
    case "invalid_value":
      return `expected ${issue.values.map(String).join(" or ")}`;
    case "invalid_union":
      return issue.discriminator === undefined ? `cannot be ${typeWords(at)}` : "unknown value";
    case "custom":
      return at === null ? "null" : issue.message;
    default:
      return issue.message;
  }
}

function article(type: string): string {
  const name = type === "int" ? "integer" : type === "record" ? "object" : type;
  return /^[aeio]/.test(name) ? `an ${name}` : `a ${name}`;
}

function typeWords(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Uint8Array) return "a BLOB";
  if (typeof value === "number" && !Number.isFinite(value)) return "an infinite number";
  return article(typeof value);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at;
}
