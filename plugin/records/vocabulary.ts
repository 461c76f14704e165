import type { PathSystem } from "../model/store-description.ts";

/**
 * The words in which opencode's requirements for records are written. Every description is used twice. As a plain
 * function, it recognises a healthy record quickly. As a zod schema, it names the wrong places of any other record.
 */
export interface Vocabulary<S> {
  readonly text: S;
  readonly boolean: S;
  /**
   * A whole number that is not negative and that a double holds exactly, as in opencode's counters and times in
   * milliseconds.
   */
  readonly integer: S;
  /** A number other than NaN and infinity. (JSON's `1e999` is infinity in JavaScript.) */
  readonly finite: S;
  /** A finite number that is not negative. */
  readonly amount: S;
  /** An object with any keys and values. */
  readonly record: S;
  /** Any value except `null` and `undefined`. */
  readonly something: S;
  readonly anything: S;
  /** The field must be absent. `null` counts as a value. */
  readonly absent: S;
  /** A path that opencode treats as absolute on the given system. */
  absolutePath(system: PathSystem): S;
  /** A path that opencode looks up on the given system. */
  lookedUpPath(system: PathSystem, isAbsolute: boolean): S;
  beginning(prefix: string): S;
  /** One of the given texts. */
  oneOf(...texts: readonly string[]): S;
  /** An object with any keys, whose values all have this type. */
  mapOf(type: "string" | "boolean"): S;
  listOf(items: S): S;
  /** An object with at least these keys. Other keys are accepted. */
  object(fields: Readonly<Record<string, S>>): S;
  /**
   * An object whose field `tag` says which of these lists of fields the object must have. The field `tag` itself is not
   * in the lists.
   */
  variants(tag: string, fieldsOf: Readonly<Record<string, Readonly<Record<string, S>>>>): S;
  /** The value may be absent, but not `null`. */
  optional(schema: S): S;
  /** The value may be `null`, or fit the given description. */
  nullable(schema: S): S;
  /**
   * The value may be anything that is false in JavaScript, because opencode reads `value ? … : undefined`. Otherwise it
   * must fit the given description.
   */
  ifAny(schema: S): S;
}

/**
 * A description of the allowed values of a record or field. It is a function that gets a vocabulary. With the
 * vocabulary of plain functions, the result is a plain function; with that of zod, it is a zod schema.
 */
export type Description = <S>(is: Vocabulary<S>) => S;
