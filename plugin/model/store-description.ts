export type Generation = "json" | "sqlite";

/**
 * What the opencode that loads a store requires of each record. `syntax`: the JSON parses. `strict`: the record also
 * fits opencode's schema.
 */
export type Contract = "syntax" | "strict";

/**
 * A line of opencode: a range of versions that treat every record in the same way, named after the first of its
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
  | "1.3.2"
  | "1.14"
  | "1.15"
  | "1.15.13"
  | "1.17"
  | "1.17.9"
  | "1.17.11";

/** The kind of paths that the folders have: those of Linux and macOS, or those of Windows. */
export type PathSystem = "posix" | "windows";

/** The facts about a store (a `storage/` folder or one database) that are known before its records are checked. */
export interface StoreDescription {
  readonly generation: Generation;
  /** Absolute path of opencode's data directory. */
  readonly dataDir: string;
  /** Absolute path of the database file; absent for files. */
  readonly database?: string;
  readonly contract: Contract;
  /** The version that wrote the newest session, if the store shows it. */
  readonly hostVersion: string | null;
  /** The version of the opencode that loads the store now, if known. */
  readonly running?: string;
  /**
   * The version range of opencode that reads `storage/session_diff/<id>.json` (`sessionDiffs` of its profile). For
   * files next to a database, the version range of the database counts. `null` means that no opencode reads these
   * files.
   */
  readonly sessionDiffReader: LineName | null;
  /**
   * The version ranges of opencode that may load a database, the likeliest first. There are several if the database and
   * its newest session contradict each other and the running opencode is not known. Absent for files.
   */
  readonly lines?: readonly LineName[];
  /**
   * The system whose opencode loads the store, according to the folders in its records; absent for Linux or macOS.
   * Inside opencode, this is always the running system.
   */
  readonly system?: PathSystem;
}
