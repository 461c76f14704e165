/**
 * What becomes of a record of 1.x in 2.x:
 * - `arrives`: with everything that it says.
 * - `changed`: it arrives, and says something else there.
 * - `dropped`: it does not arrive, and nobody is told.
 * - `unreadable`: it arrives, and 2.x fails on it.
 * - `stops`: the import ends there for good; nothing behind it arrives either.
 */
export type Outcome = "arrives" | "changed" | "dropped" | "unreadable" | "stops";

/** A record that does not simply arrive. */
export interface Departure {
  readonly kind: "session" | "message" | "part";
  readonly recordID: string;
  /** Of a session: the column. */
  readonly column?: string;
  readonly outcome: Exclude<Outcome, "arrives">;
  /** Why, in words that hold no content. */
  readonly reason: string;
  /** Whether the record is as opencode writes it: 2.x does this to every such record, and nothing is to be repaired. */
  readonly isByDesign: boolean;
  /** What of the row other than its document keeps it from arriving: only the import asks for it. */
  readonly only?: OnlyImport;
}

/** What only the import of 2.x demands, and no 1.x. */
export type OnlyImport = "part-session" | "data-url" | "message-id" | "message-time";
