import type { Artifact, RowValues } from "../../model/artifact.ts";
import type { PathSystem } from "../../model/store-description.ts";
import type { Mismatch } from "../../records/mismatch.ts";
import type { MessageFacts } from "../../stores/outline.ts";
import type { Neighbours } from "./neighbours.ts";

/** A readable record that its host refuses, as far as it has been completed. */
export interface Subject {
  readonly artifact: Artifact;
  /** What its JSON says; of a whole row, its columns. */
  readonly document: unknown;
  /** Of a session or project: the columns that are not JSON. */
  readonly row: RowValues | null;
  /** A message itself, or the message of a part. */
  readonly message: MessageFacts | null;
  readonly neighbours: Neighbours;
  /** Whose paths the folders of the store are. */
  readonly system: PathSystem;
}

type Path = readonly (string | number)[];

/** A value of the document. `to` absent: it is left out. */
export interface FieldSetting {
  readonly path: Path;
  readonly to?: unknown;
}

/** A column of the row that holds the document, or that is the record. */
export interface ColumnSetting {
  readonly column: string;
  readonly to: string | number | null;
}

export type Setting = FieldSetting | ColumnSetting;

/** A value that an older opencode, or another program, did not write as today's host demands it. */
export interface Rule {
  readonly name: string;
  /** anomalyco/opencode issues and pull requests with such records. */
  readonly issues: readonly number[];
  /** What must hold of the value. */
  readonly invariant: string;
  /** Where the value is taken from. */
  readonly source: string;
  /** Kinds of records, as {@link variantOf} names them; `null`: all. */
  readonly of: readonly string[] | null;
  /** The place of the mismatch, written as `state.time.start`. */
  readonly at: RegExp;
  readonly found: readonly Mismatch["found"][];
  /** Whether the value may be something that was said in the session. Then it is not shown. */
  readonly isContent?: boolean;
  /** `null`: nothing follows for this record. */
  derive(subject: Subject, mismatch: Mismatch): readonly Setting[] | null;
}

export const ABSENT: readonly Mismatch["found"][] = ["nothing", "null"];
export const WRONG: readonly Mismatch["found"][] = ["something"];
export const ANY: readonly Mismatch["found"][] = ["nothing", "null", "something"];

/** The path of a mismatch: names and numbers. */
export function placeOf({ path }: Mismatch): (string | number)[] {
  return path.map((key) => (typeof key === "number" ? key : String(key)));
}

/** What stands at a place of a document; `undefined` where nothing does. */
export function valueAt(document: unknown, path: Path): unknown {
  let at = document;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string | number, unknown>)[key];
  }
  return at;
}

/** The mismatch's place gets a value; `null` where none follows. */
export function set(mismatch: Mismatch, to: unknown): readonly Setting[] | null {
  return to === null || to === undefined ? null : [{ path: placeOf(mismatch), to }];
}

export function leftOut(mismatch: Mismatch): readonly Setting[] {
  return [{ path: placeOf(mismatch) }];
}

/** A time as hosts demand it: whole milliseconds since the epoch. */
export function isTime(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The number that a text says, or the moment in milliseconds that an ISO 8601 text with its zone names. */
export function numberIn(text: string): number | null {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const moment = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? null : moment;
}
