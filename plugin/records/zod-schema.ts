import { z } from "zod";
import { canBeLookedUp, isAbsoluteFor } from "../hosts/folder-paths.ts";
import type { Description, Vocabulary } from "./vocabulary.ts";

const schemas = new Map<Description, z.ZodType>();

/** The zod schema of a description. It is built once for each description. */
export function zodSchema(description: Description): z.ZodType {
  const known = schemas.get(description) ?? description(zodVocabulary);
  schemas.set(description, known);
  return known;
}

const integer = z.int().nonnegative();

/**
 * A map whose values are all of one type. zod's own record type is not used, because it does not check a key named
 * `__proto__`.
 */
function mapOf(type: "string" | "boolean"): z.ZodType {
  return z.unknown().superRefine((value, context) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      context.addIssue({ code: "invalid_type", expected: "object", input: value });
      return;
    }
    for (const [key, each] of Object.entries(value)) {
      if (typeof each !== type) context.addIssue({ code: "invalid_type", expected: type, input: each, path: [key] });
    }
  });
}

const zodVocabulary: Vocabulary<z.ZodType> = {
  text: z.string(),
  boolean: z.boolean(),
  integer,
  finite: z.number(),
  amount: z.number().nonnegative(),
  record: z.record(z.string(), z.unknown()),
  something: z.custom((value) => value !== undefined && value !== null),
  anything: z.unknown().optional(),
  absent: z.undefined().optional(),
  absolutePath: (system) => z.string().refine((path) => isAbsoluteFor(system, path), "not an absolute path"),
  lookedUpPath: (system, isAbsolute) =>
    z
      .string()
      .refine((path) => !isAbsolute || isAbsoluteFor(system, path), "not an absolute path")
      .refine((path) => canBeLookedUp(system, path), "a path that the system cannot look up"),
  beginning: (prefix) => z.string().startsWith(prefix),
  oneOf: (...texts) => z.enum(texts),
  mapOf,
  listOf: (items) => z.array(items),
  object: (fields) => z.object(fields),
  variants: (tag, fieldsOf) => {
    const [first, ...others] = Object.entries(fieldsOf).map(([name, fields]) =>
      z.object({ ...fields, [tag]: z.literal(name) }),
    );
    if (first === undefined) throw new TypeError("a shape without variants");
    return z.discriminatedUnion(tag, [first, ...others]);
  },
  optional: (schema) => schema.optional(),
  nullable: (schema) => schema.nullable(),
  ifAny: (schema) => z.preprocess((value) => value || undefined, schema.optional()),
};
