/**
 * The program that wrote a database:
 *
 * - `1.x`: opencode 1.2 to 1.18.
 * - `2.x`: opencode 2.x alone. The database has no tables of 1.x.
 * - `1.x and 2.x`: opencode 2.x upgraded a database of 1.x. Both sets of tables exist, and both 1.x and 2.x run on the database.
 * - `1.x with messages of 2.x`: a preview of 2.x wrote to a database of 1.17 or 1.18, without tables of its own.
 * - `newer`: an opencode with migrations that this tool does not know.
 * - `other program`: the database has no table of any opencode.
 * - `blank`: the database has no table at all.
 */
export type OriginKind =
  | "1.x"
  | "2.x"
  | "1.x and 2.x"
  | "1.x with messages of 2.x"
  | "newer"
  | "other program"
  | "blank";

export interface Origin {
  readonly kind: OriginKind;
  /**
   * The sign that showed the origin: a table, a migration, or a number of tables. A name that a user chose is never
   * used, because the sign is printed.
   */
  readonly sign: string;
  /** `true` if only rows of a damaged database remain, so that nothing shows whether it also had tables of 2.x. */
  readonly isByRowsAlone?: true;
  /**
   * The allowed changes to records of 1.x in a database that a newer opencode also wrote, if its tables prove that a
   * change is safe. `all`: every change. `unreadable`: remove a record that no JSON parser reads, and recover it from
   * opencode's own copies. Absent: no change.
   */
  readonly writable?: "all" | "unreadable";
  /**
   * `true` if a database of 2.x has migrations newer than those of 2.0.26, so that its rows may have other columns and
   * types.
   */
  readonly hasUnknownMigrations?: true;
}
