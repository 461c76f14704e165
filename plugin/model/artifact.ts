/** The kinds of records, by opencode's own names. `stray` is a file in a folder of records that is not a record. */
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

/**
 * A file of an opencode that keeps sessions in JSON files. `path` is relative to the data directory, with `/` on every
 * platform.
 */
export interface FileLocator {
  readonly path: string;
}

/** A row of a database, or, with `column`, one value of that row. */
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
 * The column of a locator, if the locator means only the value of that column and not the whole record. Only locators
 * of sessions and projects name a column. Messages and parts have one document in each row, so a finding about their
 * column is about the record.
 */
export function valueColumn(locator: Locator): string | null {
  if (isFileLocator(locator) || (locator.table !== "session" && locator.table !== "project")) return null;
  return locator.column ?? null;
}

/** A locator as text. Within one store, two locators have the same text only if they mean the same record or value. */
export function locatorText(locator: Locator): string {
  if (isFileLocator(locator)) return locator.path;
  const key = Object.entries(locator.key).map(([name, value]) => `${name}=${value}`);
  return `${locator.table}:${key.join(",")}${locator.column === undefined ? "" : `:${locator.column}`}`;
}

/**
 * One unit that opencode reads, with its place. An artifact is a file under `storage/`, one JSON value of a row, or a
 * row without its JSON values (in a table that has more columns than ids and one JSON document).
 */
export interface Artifact {
  readonly kind: RecordKind;
  /** The session that the record's place names (folder or column); `null` if there is none or it is unknown. */
  readonly sessionID: string | null;
  readonly recordID: string | null;
  readonly locator: Locator;
}

/** How the bytes are stored: a file, the SQLite storage class of the value, or a whole row without its JSON values. */
export type StorageClass = "file" | "text" | "blob" | "row";

/**
 * One exact value of a row. A 64-bit integer is kept as decimal text. A text is kept as bytes, because the bytes may
 * not be valid UTF-8.
 */
export type CellValue =
  | { readonly storage: "null" }
  | { readonly storage: "integer" | "real"; readonly number: string }
  | { readonly storage: "text" | "blob"; readonly bytes: Uint8Array };

/**
 * The columns of one row that are not JSON, as opencode's SQLite returns them: numbers rounded to doubles, BLOBs as
 * bytes.
 */
export type RowValues = Readonly<Record<string, string | number | Uint8Array | null>>;

/** How complete a text is as JSON (RFC 8259, as ECMAScript's `JSON.parse` reads it). */
export type JsonShape =
  | { readonly shape: "complete"; readonly topLevel: "object" | "array" | "scalar" }
  | { readonly shape: "blank" }
  | { readonly shape: "incomplete" }
  | { readonly shape: "invalid"; readonly offset: number };

/**
 * How the steps of an answer ended: `anyStop` if a step ended without tool calls, `anyWithCalls` if a step ended with
 * tool calls.
 */
export interface AnswerSteps {
  readonly anyStop: boolean;
  readonly anyWithCalls: boolean;
}

export type ShownIn = "answer" | "question" | "nowhere";

/**
 * Facts about the surroundings of a message: where the terminal UI prints the message, and what is known about the
 * newer messages of the session.
 */
export interface NewerMessages {
  /**
   * Where the terminal UI prints the record; absent if unknown. Of a user message, the UI prints only files and the
   * first text that the user wrote. Without such a text, the UI prints nothing.
   */
  readonly shownIn?: ShownIn;
  /** How the steps of the answer ended. Absent if that is unknown, or if the message is not an answer. */
  readonly steps?: AnswerSteps;
  readonly count: number;
  readonly anyAnswer: boolean;
  /** Whether one of the newer answers is unfinished. */
  readonly anyUnfinished: boolean;
  /** Whether one of the newer answers states that the model returned tokens. */
  readonly anyOutput: boolean;
}

/** All facts about one record that its diagnosis may use. These facts are read again for the diagnosis. */
export interface Evidence {
  readonly storage: StorageClass;
  readonly size: number;
  /**
   * The exact bytes of the record; `null` if there are more than {@link LARGEST_LOADED_BYTES} or they could not be
   * read.
   */
  readonly bytes: Uint8Array | null;
  /** For a record too large for memory: how complete its JSON is, found by reading the record in pieces. */
  readonly shape: JsonShape | null;
  /**
   * SHA-256 of content that was read without keeping it in memory. For a row without its JSON values, SHA-256 of the
   * whole row.
   */
  readonly sha256: string | null;
  /** For a stray file: how opencode reads the file's name, or which record the file copies. */
  readonly stray: StrayFile | null;
  /** The error code of the operating system if it did not return the bytes (`EACCES`, `EBUSY` …). */
  readonly ioError: string | null;
  /** The time of the file's last change, in milliseconds since the epoch; `null` for rows. */
  readonly mtimeMs: number | null;
  /** The columns of the row that are not JSON. `null` for a table that has only ids and one JSON document. */
  readonly row: RowValues | null;
  /** For a part: its position among the parts of its message, in opencode's order. */
  readonly position: number | null;
  /** For a part: the number of parts of its message. */
  readonly siblings: number | null;
  /** The time at which the record was last written, in milliseconds; `null` if unknown. */
  readonly updatedMs: number | null;
  /**
   * Whether opencode reads this record when it loads a session or the list. opencode does not read a record whose
   * session or message is gone.
   */
  readonly reachable: boolean;
  /** The session to which the record belongs, if known. */
  readonly sessionID: string | null;
  /**
   * The messages of the session that are newer than the record's message. Absent if opencode's screen does not depend
   * on them; then no message counts as newer.
   */
  readonly newer?: NewerMessages;
}

/**
 * A file in a message, part or session folder that is not a record of its own. Its name may not end in `.json`.
 * opencode replaces the last five characters of each name by `.json`, and so looks for another file. Or the file is a
 * copy that a sync tool or a person made.
 */
export type StrayFile =
  | {
      readonly folder: "message" | "part" | "session";
      readonly outcome: "not-found" | "wrong-prefix" | "read-twice";
      /**
       * For a `.json` file in a message folder: whether it contains the id of a message. 1.0.0 reads such a file as a
       * message, whatever its name.
       */
      readonly holdsMessage?: boolean;
    }
  | {
      readonly outcome: "copy";
      readonly original: CopiedRecord;
      /** Whether the file adds a session to the list that opencode cannot open, because no file has its id as the name. */
      readonly isListedInVain: boolean;
    };

/** The record that a stray file copies. */
export interface CopiedRecord {
  readonly recordID: string;
  /** How much later than the record its copy was written, in milliseconds; `null` if the record does not exist. */
  readonly laterMs: number | null;
  readonly isSame: boolean;
}

/**
 * The documents of many rows, and the beginnings that their ids and their sessions' ids have in common. Each byte of a
 * text became one character (Latin-1): ASCII is unchanged, and any other character became longer.
 */
export interface Bundle {
  readonly kind: "message" | "part";
  readonly documents: readonly unknown[];
  readonly idBeginning: string;
  readonly sessionIDBeginning: string;
}

/** The largest record that is read into memory as a whole. Larger records are checked in pieces. */
export const LARGEST_LOADED_BYTES = 64 * 1024 * 1024;

/** Values of a database up to this size are never read in pieces. */
export const LONG_BYTES = 1024 * 1024;
