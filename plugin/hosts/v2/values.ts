import { z } from "zod";
import { isAbsoluteFor, THIS_SYSTEM } from "../folder-paths.ts";

/** The latest time that a JavaScript date can hold, in milliseconds. */
const FURTHEST_MS = 8.64e15;

/** A time in a document: opencode's `DateTimeUtcFromMillis`, which accepts fractions and times before 1970. */
export const instant = z.number().refine((value) => Math.abs(value) <= FURTHEST_MS, "not a time");

export const finite = z.number();

/** An id with this prefix. opencode checks only the prefix. */
export function idOf(prefix: string): z.ZodType {
  return z.string().startsWith(prefix);
}

/** A value that is false in JavaScript counts as absent, because opencode reads `value ? … : undefined`. */
export function ifAny(schema: z.ZodType): z.ZodType {
  return z.preprocess((value) => value || undefined, schema.optional());
}

/** An object with any keys and values. */
export const record = z.record(z.string(), z.unknown());

/** A value that can be written as JSON again. JavaScript reads `1e999` as infinity, which JSON cannot express. */
export const jsonValue = z.unknown().refine(isWritable, "holds an infinite number");

/** An object with any keys, whose values can be written as JSON again. */
export const jsonRecord = record.refine(isWritable, "holds an infinite number");

function isWritable(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (typeof each === "number" && !Number.isFinite(each)) return false;
    // Items are added one by one, because a list may have more items than a function call can have arguments.
    if (typeof each === "object" && each !== null) for (const child of Object.values(each)) left.push(child);
  }
  return true;
}

export const modelRef = z.object({ id: z.string(), providerID: z.string(), variant: z.string().optional() });

export const tokenCounts = z.object({
  input: finite,
  output: finite,
  reasoning: finite,
  cache: z.object({ read: finite, write: finite }),
});

/** The content that a tool returned: opencode's `Tool.Content`. */
export const toolContent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("file"), uri: z.string(), mime: z.string(), name: z.string().optional() }),
]);

/** The range of a prompt's text that names an attached file or agent. */
export const mention = z.object({ start: finite, end: finite, text: z.string() });

/**
 * A time in an integer column. If the column has a text, `Date` must be able to read it. opencode also accepts a BLOB,
 * and reads its bytes as year, month, day and so on (measured).
 */
export const columnTime = z.unknown().refine(isTime, "not a time");

function isTime(value: unknown): boolean {
  if (typeof value === "number") return Math.abs(value) <= FURTHEST_MS;
  if (value instanceof Uint8Array) return true;
  return typeof value === "string" && !Number.isNaN(new Date(value).getTime());
}

/**
 * The folder of a session. An empty folder is accepted, because old sessions have one (`directoryColumn` of
 * packages/core/src/database/path.ts). 2.0 accepts Windows paths on every system; the preview does not (measured on
 * Linux).
 */
export function directory(takes: "paths of this system" | "paths of every system"): z.ZodType {
  const isAbsolute = (path: string) => {
    if (path === "" || isAbsoluteFor(THIS_SYSTEM, path)) return true;
    return takes === "paths of every system" && /^[A-Za-z]:\//.test(path);
  };
  return z.string().refine(isAbsolute, "not an absolute path");
}

/** The snapshots of the work folder before and after an answer. */
export const snapshot = z.object({
  start: z.string().optional(),
  end: z.string().optional(),
  files: z.array(z.string()).optional(),
});
