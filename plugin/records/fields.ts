import type { Json, RecordedField } from "../model/manifest-item.ts";
import type { FieldChange, Replacement } from "../model/replacement.ts";

/**
 * A copy of a JSON value with some values changed. Missing objects on the path are created. `null` if a place does not
 * hold the value that a change states, or cannot hold any.
 */
export function withFields(value: unknown, changes: readonly FieldChange[]): { readonly value: unknown } | null {
  const document: unknown = structuredClone(value);
  for (const { path, from, to } of changes) {
    const name = path.at(-1);
    const parent = containerAt(document, path.slice(0, -1));
    if (name === undefined || parent === null || !mayHold(parent, name)) return null;
    if (JSON.stringify(Object.hasOwn(parent, name) ? parent[name] : undefined) !== JSON.stringify(from)) return null;
    if (to === undefined) delete parent[name];
    // This is no assignment, because a name like `__proto__` must stay a name.
    else Object.defineProperty(parent, name, { value: to, writable: true, enumerable: true, configurable: true });
  }
  return { value: document };
}

function containerAt(document: unknown, path: readonly (string | number)[]): Record<string | number, unknown> | null {
  let at = document;
  for (const name of path) {
    if (!isContainer(at) || !mayHold(at, name)) return null;
    if (!Object.hasOwn(at, name)) {
      Object.defineProperty(at, name, { value: {}, writable: true, enumerable: true, configurable: true });
    }
    at = at[name];
  }
  return isContainer(at) ? at : null;
}

function isContainer(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

/** The elements of a list have positions, not names: JSON leaves out a value under a name. */
function mayHold(container: object, name: string | number): boolean {
  return !Array.isArray(container) || typeof name === "number";
}

/**
 * Field changes as a manifest records them; nothing for a change without content. The old value may be a number that
 * JSON cannot express, read from `1e999`. The manifest says `Infinity` for such a number. @throws TypeError if any
 * other value is not JSON, because the manifest could not state the change
 */
export function recordedFields(content: Replacement["content"] | undefined): { fields?: RecordedField[] } {
  if (content === undefined || !("fields" in content)) return {};
  return {
    fields: content.fields.map((change) => ({
      path: [...change.path],
      ...("from" in change && { from: asJson(withoutInfinite(change.from)) }),
      ...("to" in change && { to: asJson(change.to) }),
    })),
  };
}

function withoutInfinite(value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return String(value);
  if (Array.isArray(value)) return value.map(withoutInfinite);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, withoutInfinite(own)]));
}

function asJson(value: unknown): Json {
  if (!isJson(value)) throw new TypeError("A value of a changed field is not JSON.");
  return value;
}

function isJson(value: unknown): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return isPlain(value) && Object.values(value).every(isJson);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
