import type { PathSystem } from "../model/store-description.ts";

/**
 * The words in which a host's demands on a record are written down. Every description is read twice: as plain checks,
 * which say at once that a healthy record is healthy, and as zod schemas, which say where another one departs.
 */
export interface Vocabulary<S> {
  readonly text: S;
  readonly boolean: S;
  /** Not negative, and exact in a double: opencode's counters and times in milliseconds. */
  readonly integer: S;
  /** A number other than NaN and the infinities (JSON's `1e999` is one). */
  readonly finite: S;
  /** A finite number that is not negative. */
  readonly amount: S;
  /** An object of any keys and values. */
  readonly record: S;
  /** Anything that is there, but `null`. */
  readonly something: S;
  readonly anything: S;
  /** Nothing at all; `null` is something. */
  readonly absent: S;
  /** A path that opencode on that system takes for absolute. */
  absolutePath(system: PathSystem): S;
  beginning(prefix: string): S;
  /** One of a few texts. */
  oneOf(...texts: readonly string[]): S;
  /** An object whose values, whatever their keys, are all of one type. */
  mapOf(type: "string" | "boolean"): S;
  listOf(items: S): S;
  /** An object with at least these keys; others are let through. */
  object(fields: Readonly<Record<string, S>>): S;
  /** An object whose field `tag` says which of these it is; the field itself is implied. */
  variants(tag: string, fieldsOf: Readonly<Record<string, Readonly<Record<string, S>>>>): S;
  /** May be absent, but not `null`. */
  optional(schema: S): S;
  /** `null`, or else. */
  nullable(schema: S): S;
  /** Whatever JavaScript takes for false stands for absent: opencode asks `value ? … : undefined`. */
  ifAny(schema: S): S;
}

/** A record's or a value's shape, in no matter which reading. */
export type Description = <S>(is: Vocabulary<S>) => S;
