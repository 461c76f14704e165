import type { Artifact, RowValues } from "../../model/artifact.ts";
import type { PathSystem } from "../../model/store-description.ts";
import type { Mismatch } from "../../records/mismatch.ts";
import type { MessageFacts } from "../../stores/outline.ts";
import type { Neighbours } from "./neighbours.ts";

/** A readable record that its host refuses, completed as far as possible until now. */
export interface Subject {
  readonly artifact: Artifact;
  /** The parsed JSON. For a whole row, its columns. */
  readonly document: unknown;
  /** For a session or project: the columns that are not JSON. */
  readonly row: RowValues | null;
  /** A message itself, or the message of a part. */
  readonly message: MessageFacts | null;
  readonly neighbours: Neighbours;
  /** The system whose paths the folders of the store have. */
  readonly system: PathSystem;
}

type Path = readonly (string | number)[];

/** One value of the document. If `to` is absent, the value is removed. */
export interface FieldSetting {
  readonly path: Path;
  readonly to?: unknown;
}

/** A column of the row that holds the document, or of the row that is the record. */
export interface ColumnSetting {
  readonly column: string;
  readonly to: string | number | null;
}

export type Setting = FieldSetting | ColumnSetting;

/** A rule for a value that an older opencode or another program wrote in another form than today's host requires. */
export interface Rule {
  readonly name: string;
  /** anomalyco/opencode issues and pull requests with such records. */
  readonly issues: readonly number[];
  /** The condition that a valid value meets. */
  readonly invariant: string;
  /** The source of the value. */
  readonly source: string;
  /** Kinds of records, as {@link variantOf} names them; `null`: all. */
  readonly of: readonly string[] | null;
  /** The place of the mismatch, written as `state.time.start`. */
  readonly at: RegExp;
  readonly found: readonly Mismatch["found"][];
  /** Whether the value may contain words from the session. Then it is not shown. */
  readonly isContent?: boolean;
  /** `null`: no value can be derived for this record. */
  derive(subject: Subject, mismatch: Mismatch): readonly Setting[] | null;
}

export const ABSENT: readonly Mismatch["found"][] = ["nothing", "null"];
export const WRONG: readonly Mismatch["found"][] = ["something"];
export const ANY: readonly Mismatch["found"][] = ["nothing", "null", "something"];

/** The path of a mismatch: names and numbers. */
export function placeOf({ path }: Mismatch): (string | number)[] {
  return path.map((key) => (typeof key === "number" ? key : String(key)));
}

/** The value at a path of a document; `undefined` if there is none. */
export function valueAt(document: unknown, path: Path): unknown {
  let at = document;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string | number, unknown>)[key];
  }
  return at;
}

/** Sets the value at the place of a mismatch; `null` if there is no value. */
export function set(mismatch: Mismatch, to: unknown): readonly Setting[] | null {
  return to === null || to === undefined ? null : [{ path: placeOf(mismatch), to }];
}

export function leftOut(mismatch: Mismatch): readonly Setting[] {
  return [{ path: placeOf(mismatch) }];
}

/** A time in the form that hosts require: whole milliseconds since the epoch. */
export function isTime(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The number in a text, or the time in milliseconds of an ISO 8601 text with a time zone. */
export function numberIn(text: string): number | null {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const moment = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? null : moment;
}
