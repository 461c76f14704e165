import { z } from "zod";
import { isAbsoluteFor, THIS_SYSTEM } from "../folder-paths.ts";

/** The furthest time that a JavaScript date holds, in milliseconds. */
const FURTHEST_MS = 8.64e15;

/** A time in a document: `DateTimeUtcFromMillis` of opencode, which takes fractions and times before 1970. */
export const instant = z.number().refine((value) => Math.abs(value) <= FURTHEST_MS, "not a time");

export const finite = z.number();

/** Any text that begins so; opencode checks nothing else of an id. */
export function idOf(prefix: string): z.ZodType {
  return z.string().startsWith(prefix);
}

/** What JavaScript takes for false stands for absent: opencode asks `value ? … : undefined`. */
export function ifAny(schema: z.ZodType): z.ZodType {
  return z.preprocess((value) => value || undefined, schema.optional());
}

/** An object of any keys and values. */
export const record = z.record(z.string(), z.unknown());

/** A value that can be written as JSON again: `1e999` is read as infinite, and has no JSON. */
export const jsonValue = z.unknown().refine(isWritable, "holds an infinite number");

/** An object of any keys, whose values can be written as JSON again. */
export const jsonRecord = record.refine(isWritable, "holds an infinite number");

function isWritable(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (typeof each === "number" && !Number.isFinite(each)) return false;
    // One by one: a list may be longer than a call has arguments.
    if (typeof each === "object" && each !== null) for (const child of Object.values(each)) left.push(child);
  }
  return true;
}

export const modelRef = z.object({ id: z.string(), providerID: z.string(), variant: z.string().optional() });

export const tokens = z.object({
  input: finite,
  output: finite,
  reasoning: finite,
  cache: z.object({ read: finite, write: finite }),
});

/** What a tool returned: `Tool.Content`. */
export const toolContent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("file"), uri: z.string(), mime: z.string(), name: z.string().optional() }),
]);

/** Which part of a prompt's text names an attachment. */
export const mention = z.object({ start: finite, end: finite, text: z.string() });

/**
 * A time in an integer column: a text there must be one that `Date` reads. opencode takes a BLOB for a date's parts, and
 * finds none of them wrong (measured).
 */
export const columnTime = z.unknown().refine(isTime, "not a time");

function isTime(value: unknown): boolean {
  if (typeof value === "number") return Math.abs(value) <= FURTHEST_MS;
  if (value instanceof Uint8Array) return true;
  return typeof value === "string" && !Number.isNaN(new Date(value).getTime());
}

/**
 * The folder of a session. An empty one is let through, for sessions of old (`directoryColumn` of
 * packages/core/src/database/path.ts). 2.0 takes paths of Windows on every system; the preview does not (measured on Linux).
 */
export function directory(takes: "paths of this system" | "paths of every system"): z.ZodType {
  const isAbsolute = (path: string) => {
    if (path === "" || isAbsoluteFor(THIS_SYSTEM, path)) return true;
    return takes === "paths of every system" && /^[A-Za-z]:\//.test(path);
  };
  return z.string().refine(isAbsolute, "not an absolute path");
}
