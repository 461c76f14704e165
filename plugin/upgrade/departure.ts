/**
 * The result of the import of 2.x for a record of 1.x:
 *
 * - `arrives`: the record arrives unchanged.
 * - `changed`: the record arrives with another content.
 * - `dropped`: the record does not arrive, and the user is not told.
 * - `unreadable`: the record arrives, but 2.x fails on it.
 * - `stops`: the import ends at this record for good, so no later record arrives either.
 */
export type Outcome = "arrives" | "changed" | "dropped" | "unreadable" | "stops";

/** A record that does not arrive unchanged. */
export interface Departure {
  readonly kind: "session" | "message" | "part";
  readonly recordID: string;
  /** For a session: the column. */
  readonly column?: string;
  readonly outcome: Exclude<Outcome, "arrives">;
  /** The reason, in words without content. */
  readonly reason: string;
  /**
   * Whether opencode itself writes the record like this. 2.x changes every such record, so there is nothing to repair.
   */
  readonly isByDesign: boolean;
  /** The reason why the row does not arrive although its document is valid. Only the import requires it. */
  readonly only?: OnlyImport;
}

/** A requirement that the import of 2.x has, and no 1.x. */
export type OnlyImport = "part-session" | "data-url" | "message-id" | "message-time";
