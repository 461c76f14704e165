/** opencode's own names for its records, and a name for other files in the places of records. */
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
 * The column, if the locator means only its value and not the whole record. Only locators of sessions and projects name
 * a column. Messages and parts have one document in each row, so a finding about their column is about the record.
 */
export function valueColumn(locator: Locator): string | null {
  if (isFileLocator(locator) || (locator.table !== "session" && locator.table !== "project")) return null;
  return locator.column ?? null;
}

/** A text that is the same for equal locators of one store. */
export function locatorText(locator: Locator): string {
  if (isFileLocator(locator)) return locator.path;
  const key = Object.entries(locator.key).map(([name, value]) => `${name}=${value}`);
  return `${locator.table}:${key.join(",")}${locator.column === undefined ? "" : `:${locator.column}`}`;
}

/**
 * One unit that a host reads, with its place, for both generations. An artifact is a file under `storage/`, one JSON
 * value of a row, or a row without its JSON values (in tables with more columns than ids and one document).
 */
export interface Artifact {
  readonly kind: RecordKind;
  /** The session that the place states (folder or column); `null` if there is none or it is unknown. */
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
}

/** How the bytes are stored: a file, the SQLite storage class of the value, or a whole row without its JSON values. */
export type StorageClass = "file" | "text" | "blob" | "row";

/** One exact value of a row: 64-bit integers as decimal text, text as its bytes even if they are not UTF-8. */
export type CellValue =
  | { readonly storage: "null" }
  | { readonly storage: "integer" | "real"; readonly number: string }
  | { readonly storage: "text" | "blob"; readonly bytes: Uint8Array };

/**
 * The columns of one row that are not JSON, as a host's SQLite returns them: numbers rounded to doubles, BLOBs as
 * bytes.
 */
export type RowValues = Readonly<Record<string, string | number | Uint8Array | null>>;

/** The state of a byte sequence by the grammar of JSON (RFC 8259, as ECMAScript's `JSON.parse` reads it). */
export type JsonShape =
  | { readonly shape: "complete"; readonly topLevel: "object" | "array" | "scalar" }
  | { readonly shape: "blank" }
  | { readonly shape: "incomplete" }
  | { readonly shape: "invalid"; readonly offset: number };

/** Whether a step of an answer ended without calls of tools, and whether a step ended with calls. */
export interface AnswerSteps {
  readonly anyStop: boolean;
  readonly anyWithCalls: boolean;
}

export type ShownIn = "answer" | "question" | "nowhere";

/** The messages of a session that are newer than one of its messages, and the place of a record in it. */
export interface NewerMessages {
  /**
   * Absent if unknown. Of a user message, the terminal UI prints only the first text that the user wrote, and files.
   * Without such a text, the terminal UI prints nothing.
   */
  readonly shownIn?: ShownIn;
  /** For an answer; absent if unknown. */
  readonly steps?: AnswerSteps;
  readonly count: number;
  readonly anyAnswer: boolean;
  /** Whether one of the answers is unfinished. */
  readonly anyUnfinished: boolean;
  /** Whether one of the answers states that the model returned tokens. */
  readonly anyOutput: boolean;
}

/** All facts that a diagnosis may use, read again. */
export interface Evidence {
  readonly storage: StorageClass;
  readonly size: number;
  /** The exact bytes; `null` if there are more than {@link LARGEST_LOADED_BYTES} or they could not be read. */
  readonly bytes: Uint8Array | null;
  /** For a record too large for memory: its state by the grammar of JSON, read in pieces. */
  readonly shape: JsonShape | null;
  /**
   * SHA-256 of content that was read without keeping it in memory. For a row without its JSON values, SHA-256 of the
   * whole row.
   */
  readonly sha256: string | null;
  /** For a stray file: how a host reads its name, or which record the file copies. */
  readonly stray: StrayFile | null;
  /** The reason why the operating system did not return the bytes (`EACCES`, `EBUSY` …). */
  readonly ioError: string | null;
  /** Milliseconds since the epoch; `null` for rows. */
  readonly mtimeMs: number | null;
  /** The other columns of the row, in tables with more columns than ids and one document. */
  readonly row: RowValues | null;
  /** For a part: its position among the parts of its message, in the host's order. */
  readonly position: number | null;
  /** For a part: how many parts its message has. */
  readonly siblings: number | null;
  /** The time at which the record was last written, in milliseconds; `null` if unknown. */
  readonly updatedMs: number | null;
  /** Whether a host reads this record when it loads a session or the list. It does not read orphans. */
  readonly reachable: boolean;
  /** The session to which the record belongs, if known. */
  readonly sessionID: string | null;
  /**
   * The messages of the session that are newer than the record's message. Newer messages are given only if the screen
   * of the host depends on them; otherwise no message counts as newer.
   */
  readonly newer?: NewerMessages;
}

/**
 * A file in a message, part or session folder that is not a record of its own. Its name is not `<id>.json` (hosts cut
 * five characters and add `.json`), or the file is a copy that a sync tool or a person made.
 */
export type StrayFile =
  | {
      readonly folder: "message" | "part" | "session";
      readonly outcome: "not-found" | "wrong-prefix" | "read-twice";
    }
  | {
      readonly outcome: "copy";
      readonly original: CopiedRecord;
      /** Whether the file adds a session to the list that opencode cannot open, because no file has its id as the name. */
      readonly isListedInVain: boolean;
    };

/** The record that was copied. */
export interface CopiedRecord {
  readonly recordID: string;
  /** How much later than the record the copy was written, in milliseconds; `null` if the record does not exist. */
  readonly laterMs: number | null;
  readonly isSame: boolean;
}

/**
 * The documents of many rows, and the common beginnings of their ids and of their sessions' ids. In the texts each byte
 * is a letter (Latin-1): ASCII is unchanged, any other character becomes longer.
 */
export interface Bundle {
  readonly kind: "message" | "part";
  readonly documents: readonly unknown[];
  readonly idBeginning: string;
  readonly sessionIDBeginning: string;
}

/** Larger records are checked in pieces, and never held in memory as a whole. */
export const LARGEST_LOADED_BYTES = 64 * 1024 * 1024;
