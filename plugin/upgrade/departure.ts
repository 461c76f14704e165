/**
 * What the import of opencode 2.x makes of a record of 1.x:
 *
 * - `arrives`: the record arrives unchanged.
 * - `changed`: the record arrives with another content.
 * - `dropped`: the record does not arrive, and the user is not told.
 * - `unreadable`: the record arrives, but opencode 2.x fails on it.
 * - `stops`: the import ends at this record for good, so no later record arrives.
 */
export type Outcome = "arrives" | "changed" | "dropped" | "unreadable" | "stops";

/** A record that does not arrive unchanged in opencode 2.x. */
export interface Departure {
  readonly kind: "session" | "message" | "part";
  readonly recordID: string;
  /** For a session: the column that causes the outcome. */
  readonly column?: string;
  readonly outcome: Exclude<Outcome, "arrives">;
  /** The reason in words. It contains nothing of the record's content. */
  readonly reason: string;
  /**
   * Whether opencode itself writes records of this kind. opencode 2.x changes all records of this kind, so there is
   * nothing to repair.
   */
  readonly isByDesign: boolean;
  /**
   * The requirement that the row does not meet, if only the import has this requirement. The JSON document itself is
   * valid.
   */
  readonly only?: OnlyImport;
}

/** A requirement that only the import of opencode 2.x has. opencode 1.x loads records that do not meet it. */
export type OnlyImport = "part-session" | "data-url" | "message-id" | "message-time";
