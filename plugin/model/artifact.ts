/** opencode's own names for its records, plus what is found where only records should be. */
export type RecordKind =
  | "session"
  | "message"
  | "part"
  | "project"
  | "todo"
  | "session_diff"
  | "setting"
  | "prompt"
  | "instruction"
  | "stray"
  | "database"
  | "table"
  | "side_file";

/** A file of the JSON generation; `path` is relative to the data directory, with `/` on every platform. */
export interface FileLocator {
  readonly path: string;
}

/** A row of the SQLite generation, or with `column` one value of that row. */
export interface RowLocator {
  readonly table: string;
  readonly key: Readonly<Record<string, string>>;
  readonly column?: string;
}

export type Locator = FileLocator | RowLocator;

export function isFileLocator(locator: Locator): locator is FileLocator {
  return "path" in locator;
}

/**
 * The column of which only the value is meant, and not the record: of a session or project. Messages and parts are rows of
 * one document; what is said of their column is said of the record.
 */
export function valueColumn(locator: Locator): string | null {
  if (isFileLocator(locator) || (locator.table !== "session" && locator.table !== "project")) return null;
  return locator.column ?? null;
}

/** One text that is the same for equal locators of one store. */
export function locatorText(locator: Locator): string {
  if (isFileLocator(locator)) return locator.path;
  const key = Object.entries(locator.key).map(([name, value]) => `${name}=${value}`);
  return `${locator.table}:${key.join(",")}${locator.column === undefined ? "" : `:${locator.column}`}`;
}

/**
 * The one unit of both generations: what a host reads, at its place. A file under `storage/`, one JSON value of a row,
 * or (of tables with more columns than ids and one document) a row apart from its JSON values.
 */
export interface Artifact {
  readonly kind: RecordKind;
  /** As the place states it (folder or column), `null` where it belongs to no session or that is not known. */
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
}

/** How the bytes are held: a file, the SQLite storage class of the value, or a whole row apart from its JSON values. */
export type StorageClass = "file" | "text" | "blob" | "row";

/** One value of a row, exact: 64-bit integers as decimal text, text as its bytes even where they are not UTF-8. */
export type CellValue =
  | { readonly storage: "null" }
  | { readonly storage: "integer" | "real"; readonly number: string }
  | { readonly storage: "text" | "blob"; readonly bytes: Uint8Array };

/**
 * The columns of one row that are not JSON, as a host's SQLite hands them to it: numbers rounded to doubles, BLOBs as
 * bytes.
 */
export type RowValues = Readonly<Record<string, string | number | Uint8Array | null>>;

/** How a byte sequence relates to the JSON grammar (RFC 8259, as ECMAScript's `JSON.parse` reads it). */
export type JsonShape =
  | { readonly shape: "complete"; readonly topLevel: "object" | "array" | "scalar" }
  | { readonly shape: "blank" }
  | { readonly shape: "incomplete" }
  | { readonly shape: "invalid"; readonly offset: number };

export type ShownIn = "answer" | "question" | "nowhere";

/** What is newer in a session than one of its messages, and where in it a record is. */
export interface NewerMessages {
  /** Absent where it is not known. Of a question the terminal UI prints only the first text of the user's own and files. */
  readonly shownIn?: ShownIn;
  readonly count: number;
  readonly anyAnswer: boolean;
  /** Whether one of the answers is not over. */
  readonly anyUnfinished: boolean;
  /** Whether one of the answers says that the model returned tokens. */
  readonly anyOutput: boolean;
}

/** Everything that diagnosis may look at, read afresh. */
export interface Evidence {
  readonly storage: StorageClass;
  readonly size: number;
  /** The exact bytes; `null` where they are more than {@link LARGEST_LOADED_BYTES} or could not be read. */
  readonly bytes: Uint8Array | null;
  /** Of a record too large to hold: how it relates to the JSON grammar, found out in pieces. */
  readonly shape: JsonShape | null;
  /** SHA-256 of the content, where it was read without being held; of a row apart from its JSON values, of all of it. */
  readonly sha256: string | null;
  /** Of a stray file: what a host makes of its name, or what it is a copy of. */
  readonly stray: StrayFile | null;
  /** Why the operating system did not hand the bytes out (`EACCES`, `EBUSY` …). */
  readonly ioError: string | null;
  /** Milliseconds since the epoch; `null` for rows. */
  readonly mtimeMs: number | null;
  /** The other columns of the row, of tables with more columns than ids and one document. */
  readonly row: RowValues | null;
  /** Of a part: its place among the parts of its message, as the host orders them. */
  readonly position: number | null;
  /** Of a part: how many parts its message has. */
  readonly siblings: number | null;
  /** When the record was last written, in milliseconds; `null` where that is not known. */
  readonly updatedMs: number | null;
  /** Whether a host reads this artifact when it loads a session or the list. Orphans are not. */
  readonly reachable: boolean;
  /** The session it belongs to, where that is known. */
  readonly sessionID: string | null;
  /** What is newer in the session than the record's message; only where its screen depends on that, else nothing is. */
  readonly newer?: NewerMessages;
}

/**
 * A file in a message, part or session folder that is no record of its own. By its name it is not `<id>.json`: hosts cut
 * five characters and add `.json`. Or it is a copy that a sync tool or a person made of a record.
 */
export type StrayFile =
  | {
      readonly folder: "message" | "part" | "session";
      readonly outcome: "not-found" | "wrong-prefix" | "read-twice";
    }
  | { readonly outcome: "copy"; readonly original: CopiedRecord };

/** What a copy is a copy of. */
export interface CopiedRecord {
  readonly recordID: string;
  /** How much later than the record the copy was written, in milliseconds; `null`: the record is not there. */
  readonly laterMs: number | null;
  readonly isSame: boolean;
}

/**
 * The documents of many rows, and how the ids of all of them, and those of their sessions, begin. In the documents' texts
 * each byte is a letter (Latin-1): what is ASCII is as it is, anything else is longer.
 */
export interface Bundle {
  readonly kind: "message" | "part";
  readonly documents: readonly unknown[];
  readonly idBeginning: string;
  readonly sessionIDBeginning: string;
}

/** Larger records are judged in pieces, never held whole. */
export const LARGEST_LOADED_BYTES = 64 * 1024 * 1024;
