/**
 * How a record of 1.x arrives in 2.x:
 * - `arrives`: with everything that it says.
 * - `changed`: it arrives, and says something else there.
 * - `dropped`: it does not arrive, and nobody is told.
 * - `unreadable`: it arrives, and 2.x fails on it.
 * - `stops`: the import ends there for good; nothing behind it arrives either.
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
