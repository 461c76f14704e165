import { canBeLookedUp, isAbsoluteFor } from "../hosts/folder-paths.ts";
import type { Description, Vocabulary } from "./vocabulary.ts";

export type Check = (value: unknown) => boolean;

/** Turns the description of a value into a function that only answers whether a value fits the description. */
export function checkFor(description: Description): Check {
  return description(plainChecks);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function fieldCheck(fields: Readonly<Record<string, Check>>): (value: Record<string, unknown>) => boolean {
  const keys = Object.keys(fields);
  const own = Object.values(fields);
  return (value) => {
    // Reading a key also finds inherited properties such as `constructor`. This does no harm, because no field of a
    // description has such a name.
    for (let index = 0; index < keys.length; index += 1) {
      if (!(own[index] as Check)(value[keys[index] as string])) return false;
    }
    return true;
  };
}

const isText: Check = (value) => typeof value === "string";
const isFiniteNumber: Check = (value) => Number.isFinite(value);

const plainChecks: Vocabulary<Check> = {
  text: isText,
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  finite: isFiniteNumber,
  amount: (value) => isFiniteNumber(value) && (value as number) >= 0,
  record: isObject,
  something: (value) => value !== undefined && value !== null,
  anything: () => true,
  absent: (value) => value === undefined,
  absolutePath: (system) => (value) => typeof value === "string" && isAbsoluteFor(system, value),
  lookedUpPath: (system, isAbsolute) => (value) =>
    typeof value === "string" && (!isAbsolute || isAbsoluteFor(system, value)) && canBeLookedUp(system, value),
  beginning: (prefix) => (value) => typeof value === "string" && value.startsWith(prefix),
  oneOf: (...texts) => {
    const known = new Set<unknown>(texts);
    return (value) => known.has(value);
  },
  mapOf: (type) => (value) => {
    if (!isObject(value)) return false;
    for (const key of Object.keys(value)) if (typeof value[key] !== type) return false;
    return true;
  },
  listOf: (items) => (value) => Array.isArray(value) && value.every(items),
  object: (fields) => {
    const fits = fieldCheck(fields);
    return (value) => isObject(value) && fits(value);
  },
  variants: (tag, fieldsOf) => {
    const byTag = new Map<unknown, ReturnType<typeof fieldCheck>>();
    for (const [name, fields] of Object.entries(fieldsOf)) byTag.set(name, fieldCheck(fields));
    return (value) => isObject(value) && (byTag.get(value[tag])?.(value) ?? false);
  },
  optional: (check) => (value) => value === undefined || check(value),
  nullable: (check) => (value) => value === null || check(value),
  ifAny: (check) => (value) => !value || check(value),
};
