import type { Json, RecordedField } from "../model/manifest-item.ts";
import type { FieldChange, Replacement } from "../model/replacement.ts";

/**
 * A copy of a JSON value with some values changed. Missing objects on the path of a change are created. `null` if a
 * changed place does not hold the value `from`, or if it cannot hold a value at all.
 */
export function withFields(value: unknown, changes: readonly FieldChange[]): { readonly value: unknown } | null {
  const document: unknown = structuredClone(value);
  for (const { path, from, to } of changes) {
    const name = path.at(-1);
    const parent = containerAt(document, path.slice(0, -1));
    if (name === undefined || parent === null || !mayHold(parent, name)) return null;
    if (JSON.stringify(Object.hasOwn(parent, name) ? parent[name] : undefined) !== JSON.stringify(from)) return null;
    if (to === undefined) delete parent[name];
    // `defineProperty` is used instead of an assignment, because an assignment to `__proto__` would change the
    // prototype.
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

/**
 * Whether a container can hold a value under this name. A list cannot, because JSON leaves out all values of a list
 * that have a name instead of a position.
 */
function mayHold(container: object, name: string | number): boolean {
  return !Array.isArray(container) || typeof name === "number";
}

/**
 * The changed fields of a replacement, in the form that a manifest records. The result is empty if no field was
 * changed. The old value may be a number that JSON cannot express, such as `1e999`. The manifest then says `Infinity`.
 * @throws TypeError if any other value is not JSON, because a manifest can only hold JSON
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
