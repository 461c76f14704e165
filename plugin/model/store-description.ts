export type Generation = "json" | "sqlite";

/** What the host of a store demands of a record when it loads it: `syntax`: the JSON parses; `strict`: also its schema. */
export type Contract = "syntax" | "strict";

/** A line of opencode: versions that make the same of every record, named after the first of them. */
export type LineName =
  | "1.0.0"
  | "1.0.61"
  | "1.0.98"
  | "1.0"
  | "1.1.11"
  | "1.1"
  | "1.2"
  | "1.2.20"
  | "1.14"
  | "1.15"
  | "1.15.13"
  | "1.17"
  | "1.17.9"
  | "1.17.11";

/** Whose paths folders are: those of Linux and macOS, or of Windows. */
export type PathSystem = "posix" | "windows";

/** What is known of a store before a record of it is judged. */
export interface StoreDescription {
  readonly generation: Generation;
  /** Absolute path of opencode's data directory. */
  readonly dataDir: string;
  /** Absolute path of the database file; absent of files. */
  readonly database?: string;
  readonly contract: Contract;
  /** Version that wrote the newest session, where the store tells. */
  readonly hostVersion: string | null;
  /** Version of the opencode that loads the store now, where that is known. */
  readonly running?: string;
  /**
   * The line of hosts whose rule (`sessionDiffs` of its profile) says what becomes of `storage/session_diff/<id>.json`: of
   * files beside a database, that of the database. `null`: none reads them.
   */
  readonly sessionDiffReader: LineName | null;
  /**
   * The lines of opencode that may load a database, the likeliest first: more than one where the database and its newest
   * session say different things and no running host is known. Not said of files.
   */
  readonly lines?: readonly LineName[];
  /** The system whose opencode loads it, as its own folders say; absent: Linux or macOS. Inside opencode it is this one. */
  readonly system?: PathSystem;
}
