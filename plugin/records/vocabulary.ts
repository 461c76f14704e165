import type { PathSystem } from "../model/store-description.ts";

/**
 * The terms in which the requirements of hosts for records are written. Every description is used twice: as plain
 * checks, which recognise a healthy record quickly, and as zod schemas, which name the mismatches of any other record.
 */
export interface Vocabulary<S> {
  readonly text: S;
  readonly boolean: S;
  /** A whole number that is not negative and exact in a double: opencode's counters and times in milliseconds. */
  readonly integer: S;
  /** A number other than NaN and the infinities (JSON's `1e999` is one). */
  readonly finite: S;
  /** A finite number that is not negative. */
  readonly amount: S;
  /** An object of any keys and values. */
  readonly record: S;
  /** Any value except `null` and absent. */
  readonly something: S;
  readonly anything: S;
  /** Absent. `null` counts as a value. */
  readonly absent: S;
  /** A path that opencode on that system treats as absolute. */
  absolutePath(system: PathSystem): S;
  beginning(prefix: string): S;
  /** One of a few texts. */
  oneOf(...texts: readonly string[]): S;
  /** An object whose values, whatever their keys, are all of one type. */
  mapOf(type: "string" | "boolean"): S;
  listOf(items: S): S;
  /** An object with at least these keys. Other keys are accepted. */
  object(fields: Readonly<Record<string, S>>): S;
  /** An object whose field `tag` decides which of these shapes it has. The field itself is implied. */
  variants(tag: string, fieldsOf: Readonly<Record<string, Readonly<Record<string, S>>>>): S;
  /** The value may be absent, but not `null`. */
  optional(schema: S): S;
  /** `null` or the given shape. */
  nullable(schema: S): S;
  /** A value that JavaScript treats as false counts as absent: opencode asks `value ? … : undefined`. */
  ifAny(schema: S): S;
}

/** The shape of a record or value, for both uses of a description. */
export type Description = <S>(is: Vocabulary<S>) => S;
