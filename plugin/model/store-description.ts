export type Generation = "json" | "sqlite";

/**
 * The requirement of a store's host for a record that it loads. `syntax`: the JSON parses. `strict`: the record also
 * fits the schema.
 */
export type Contract = "syntax" | "strict";

/**
 * A line of opencode: the versions that treat every record in the same way. A line is named after the first of its
 * versions.
 */
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

/** The system whose paths the folders have: Linux and macOS, or Windows. */
export type PathSystem = "posix" | "windows";

/** The facts about a store that are known before its records are checked. */
export interface StoreDescription {
  readonly generation: Generation;
  /** Absolute path of opencode's data directory. */
  readonly dataDir: string;
  /** Absolute path of the database file; absent for files. */
  readonly database?: string;
  readonly contract: Contract;
  /** Version that wrote the newest session, if the store shows it. */
  readonly hostVersion: string | null;
  /** Version of the opencode that loads the store now, if known. */
  readonly running?: string;
  /**
   * The line of hosts that reads `storage/session_diff/<id>.json` (`sessionDiffs` of its profile). For files next to a
   * database, it is the line of the database. `null`: no host reads them.
   */
  readonly sessionDiffReader: LineName | null;
  /**
   * The lines of opencode that may load a database, the likeliest first. There are several lines if the database and
   * its newest session contradict each other and no running host is known. Absent for files.
   */
  readonly lines?: readonly LineName[];
  /**
   * The system whose opencode loads the store, according to its folders; absent: Linux or macOS. Inside opencode, this
   * is the running system.
   */
  readonly system?: PathSystem;
}
