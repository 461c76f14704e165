import type { Locator, RowValues, StorageClass } from "../model/artifact.ts";
import { fileText, sqliteText } from "../records/file-text.ts";
import type { LongDocument } from "../records/long-document.ts";

/** One JSON document as it is stored, whatever it contains. */
export interface StoredDocument {
  readonly recordID: string;
  readonly locator: Locator;
  readonly storage: Exclude<StorageClass, "row">;
  readonly size: number;
  /**
   * The exact bytes. `null` if the document is larger than `LARGEST_LOADED_BYTES`, or if the operating system did not
   * return it.
   */
  readonly bytes: Buffer | null;
  /** The modification time of a file, or `time_created` of a row, in milliseconds since the epoch. */
  readonly timeMs: number | null;
  /** `time_updated` of a row; `null` for a file. */
  readonly updatedMs: number | null;
  /** A long document that is read in pieces. Present only if the caller asked for that; `bytes` is then `null`. */
  readonly long?: LongDocument;
}

/**
 * The data of a session without its messages, as columns of a database. For sessions in JSON files, the names and
 * values are those of opencode's own import into a database (1.2-1.14).
 */
export interface SessionColumns {
  readonly session: RowValues | null;
  /** The record of the session's project. */
  readonly project: RowValues | null;
  readonly todos: readonly RowValues[];
  readonly share: RowValues | null;
}

/** What the JSON files or the database say about a project. */
export interface ProjectFacts {
  readonly id: string;
  readonly worktree: string;
  /** Folders, other than the worktree, in which opencode has opened the project. */
  readonly sandboxes: readonly string[];
  readonly updatedMs: number | null;
  /** Folders in which opencode 1.17 and newer have opened the project, with the time of the first start in each. */
  readonly directories: readonly { readonly directory: string; readonly createdMs: number | null }[];
}

/** A message with its parts, in the order in which opencode shows them. */
export interface StoredMessage {
  readonly messageID: string;
  /** The document of the message; `null` if only parts of the message remain. */
  readonly document: StoredDocument | null;
  readonly parts: readonly StoredDocument[];
}

/**
 * What the JSON files or the database say about one session. A value is `null` if it is missing or has the wrong type.
 */
export interface SessionFacts {
  readonly id: string;
  readonly projectID: string | null;
  readonly parentID: string | null;
  readonly title: string | null;
  readonly directory: string | null;
  /**
   * The path of the session's folder below its git worktree, by which the terminal UI lists sessions. Absent if the
   * table has no such column.
   */
  readonly path?: string | null;
  readonly version: string | null;
  /**
   * Whether a salvage rebuilt the session's record. If the salvage did not know the session's folder, the record names
   * `/`.
   */
  readonly isSalvaged?: boolean;
  /** When the session was created, in milliseconds since the epoch. */
  readonly createdMs: number | null;
  readonly updatedMs: number | null;
  readonly archivedMs: number | null;
  /** Whether the session has a readable record of its own. Its messages may exist without such a record. */
  readonly hasRecord: boolean;
}

/**
 * The slug that a salvage gives to a session that it rebuilds without knowing the folder. No version of opencode makes
 * this slug.
 */
export const SALVAGED_SLUG = "recovered";

/** The facts about a session if only its id, and perhaps its project, is known. All other values are `null`. */
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

/** Parses a document as opencode does. */
export function parseDocument({ bytes, storage, long }: Pick<StoredDocument, "bytes" | "storage" | "long">): Parsed {
  if (long !== undefined) return { ok: true, value: long.value };
  if (bytes === null || storage === "blob") return { ok: false };
  try {
    return { ok: true, value: JSON.parse(storage === "file" ? fileText(bytes) : sqliteText(bytes)) };
  } catch {
    return { ok: false };
  }
}

/** An object with any keys, as every record of opencode is. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text at a path of a value, or `null` if there is none. */
export function textIn(value: unknown, ...path: readonly string[]): string | null {
  const at = valueIn(value, ...path);
  return typeof at === "string" ? at : null;
}

/** The finite number at a path of a value, or `null` if there is none. */
export function numberIn(value: unknown, ...path: readonly string[]): number | null {
  const at = valueIn(value, ...path);
  return typeof at === "number" && Number.isFinite(at) ? at : null;
}

export function valueIn(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const key of path) at = isFields(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}
