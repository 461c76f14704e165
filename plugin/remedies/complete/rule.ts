import type { Artifact, RowValues } from "../../model/artifact.ts";
import type { PathSystem } from "../../model/store-description.ts";
import type { Mismatch } from "../../records/mismatch.ts";
import type { MessageFacts } from "../../stores/outline.ts";
import type { Neighbours } from "./neighbours.ts";

/** A readable record that opencode refuses, in its present state, and the facts from which values can be derived. */
export interface Subject {
  readonly artifact: Artifact;
  /**
   * The parsed JSON of the record. If the record is a whole row, such as the row of a session, the columns of that row.
   */
  readonly document: unknown;
  /** The columns of a session or project that do not hold JSON; `null` for other records. */
  readonly row: RowValues | null;
  /** For a message, the message itself. For a part, the message to which the part belongs. */
  readonly message: MessageFacts | null;
  readonly neighbours: Neighbours;
  /** Whether folders in this store are Windows paths or POSIX paths. */
  readonly system: PathSystem;
}

type Path = readonly (string | number)[];

/** One value to write into the JSON document. If `to` is absent, the value is removed. */
export interface FieldSetting {
  readonly path: Path;
  readonly to?: unknown;
}

/** One column to write in the record's database row. */
export interface ColumnSetting {
  readonly column: string;
  readonly to: string | number | null;
}

export type Setting = FieldSetting | ColumnSetting;

/**
 * A rule that completes one kind of value, which an older opencode or another program wrote in a form that opencode now
 * refuses.
 */
export interface Rule {
  readonly name: string;
  /** The issues and pull requests of anomalyco/opencode that describe such records. */
  readonly issues: readonly number[];
  /** The condition that a valid value meets, as a sentence for the documentation. */
  readonly invariant: string;
  /** The place from which the new value is taken, in words for the documentation. */
  readonly source: string;
  /** The kinds of records to which the rule applies, as {@link variantOf} names them. `null` means all kinds. */
  readonly of: readonly string[] | null;
  /** Matches the path of the refused value, such as `state.time.start`. */
  readonly at: RegExp;
  readonly found: readonly Mismatch["found"][];
  /** Whether the value may contain words from the user's session. If so, a plan does not show the value. */
  readonly isContent?: boolean;
  /** Returns the values to write; `null` if no value can be derived for this record. */
  derive(subject: Subject, mismatch: Mismatch): readonly Setting[] | null;
}

export const ABSENT: readonly Mismatch["found"][] = ["nothing", "null"];
export const WRONG: readonly Mismatch["found"][] = ["something"];
export const ANY: readonly Mismatch["found"][] = ["nothing", "null", "something"];

/** The path of a refused value, as a list of names and numbers. */
export function pathKeys({ path }: Mismatch): (string | number)[] {
  return path.map((key) => (typeof key === "number" ? key : String(key)));
}

/** The value at a path of a document; `undefined` if the path does not exist. */
export function valueAt(document: unknown, path: Path): unknown {
  let at = document;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string | number, unknown>)[key];
  }
  return at;
}

/** Writes a value at the place that opencode refused. Returns `null` if the value is unknown. */
export function set(mismatch: Mismatch, to: unknown): readonly Setting[] | null {
  return to === null || to === undefined ? null : [{ path: pathKeys(mismatch), to }];
}

export function leftOut(mismatch: Mismatch): readonly Setting[] {
  return [{ path: pathKeys(mismatch) }];
}

/** Whether a value is a time as opencode requires it: whole milliseconds since 1970. */
export function isTime(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/**
 * The number in a text. For an ISO 8601 time with a time zone, its milliseconds since 1970. `null` for any other text.
 */
export function storedNumber(text: string): number | null {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const moment = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? null : moment;
}
