import type { Locator, RowValues, StorageClass } from "../model/artifact.ts";
import { fileText, sqliteText } from "../records/file-text.ts";

/** One JSON document as it lies in a store, whatever it holds. */
export interface StoredDocument {
  readonly recordID: string;
  readonly locator: Locator;
  readonly storage: Exclude<StorageClass, "row">;
  readonly size: number;
  /** `null` where it is larger than `LARGEST_LOADED_BYTES`, or the operating system did not hand it out. */
  readonly bytes: Buffer | null;
  /** Milliseconds since the epoch: a file's modification, or `time_created` of a row. */
  readonly timeMs: number | null;
  /** `time_updated` of a row; `null` of a file. */
  readonly updatedMs: number | null;
}

/**
 * What belongs to a session besides its messages, as the columns of a database, whatever the store is made of: a JSON store
 * gives them the names and values that opencode's own import (1.2-1.14) did.
 */
export interface SessionColumns {
  readonly session: RowValues | null;
  /** The record of the session's project. */
  readonly project: RowValues | null;
  readonly todos: readonly RowValues[];
  readonly share: RowValues | null;
}

/** A project as a store knows it. */
export interface ProjectFacts {
  readonly id: string;
  readonly worktree: string;
  /** Folders besides the worktree in which opencode has opened the project. */
  readonly sandboxes: readonly string[];
  readonly updatedMs: number | null;
  /** Folders in which opencode 1.17 and newer has opened the project, with the time of the first start there. */
  readonly directories: readonly { readonly directory: string; readonly createdMs: number | null }[];
}

/** A message with its parts, in the order in which hosts show them. */
export interface StoredMessage {
  readonly messageID: string;
  /** `null` where only parts are left of it. */
  readonly document: StoredDocument | null;
  readonly parts: readonly StoredDocument[];
}

/** What a store says of one session; `null` where it does not say it, or not in the right type. */
export interface SessionFacts {
  readonly id: string;
  readonly projectID: string | null;
  readonly parentID: string | null;
  readonly title: string | null;
  readonly directory: string | null;
  /** The folder below its git worktree, which the terminal UI lists by; absent where the store has no such column. */
  readonly path?: string | null;
  readonly version: string | null;
  /** Milliseconds since the epoch. */
  readonly createdMs: number | null;
  readonly updatedMs: number | null;
  readonly archivedMs: number | null;
  /** Whether the session has a record of its own that could be read. Messages may be there without one. */
  readonly hasRecord: boolean;
}

/** Nothing but the id of a session. */
export function unknownSession(id: string, projectID: string | null = null): SessionFacts {
  return {
    id,
    projectID,
    parentID: null,
    title: null,
    directory: null,
    version: null,
    createdMs: null,
    updatedMs: null,
    archivedMs: null,
    hasRecord: false,
  };
}

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** What a host's JSON parser makes of a document. */
export function parseDocument({ bytes, storage }: Pick<StoredDocument, "bytes" | "storage">): Parsed {
  if (bytes === null || storage === "blob") return { ok: false };
  try {
    return { ok: true, value: JSON.parse(storage === "file" ? fileText(bytes) : sqliteText(bytes)) };
  } catch {
    return { ok: false };
  }
}

/** An object of any keys, which is what every record of opencode is. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of what may be an object, where it is a text. */
export function textIn(value: unknown, ...path: readonly string[]): string | null {
  const at = valueIn(value, ...path);
  return typeof at === "string" ? at : null;
}

/** A field of what may be an object, where it is a finite number. */
export function numberIn(value: unknown, ...path: readonly string[]): number | null {
  const at = valueIn(value, ...path);
  return typeof at === "number" && Number.isFinite(at) ? at : null;
}

export function valueIn(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const key of path) at = isFields(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}
