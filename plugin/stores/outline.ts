/**
 * What one message says of itself, as far as the values that are missing in its neighbours may rest on it. `null` where
 * it does not say it, or not in the right type.
 */
export interface MessageFacts {
  readonly id: string;
  /** `time_created` of the row, in milliseconds. */
  readonly rowMs: number | null;
  readonly role: string | null;
  readonly agent: string | null;
  readonly mode: string | null;
  readonly parentID: string | null;
  /** The model of an assistant, or the one that a user chose. */
  readonly providerID: string | null;
  readonly modelID: string | null;
  readonly cwd: string | null;
  readonly root: string | null;
  /** Milliseconds since the epoch. */
  readonly createdMs: number | null;
  readonly completedMs: number | null;
  readonly finish: string | null;
  readonly cost: number | null;
  readonly tokens: TokenFacts;
}

export interface TokenFacts {
  readonly input: number | null;
  readonly output: number | null;
  readonly reasoning: number | null;
  readonly read: number | null;
  readonly write: number | null;
}

/** What a part says of itself, and its place: parts are read by message in the order of their ids. */
export interface PartFacts {
  readonly id: string;
  readonly type: string | null;
  readonly cost: number | null;
  readonly tokens: TokenFacts;
}

/** The records of a session in outline. */
export interface SessionOutline {
  /** By time and id, which is the order of opencode. */
  readonly messages: readonly MessageFacts[];
  /** The message that a part belongs to. */
  messageOf(partID: string): string | null;
  partsOf(messageID: string): readonly PartFacts[];
}
