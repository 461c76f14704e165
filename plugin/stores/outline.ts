/**
 * What one message says about itself. Missing values of neighbouring messages can be derived from these facts. A value
 * is `null` if it is missing or has the wrong type.
 */
export interface MessageFacts {
  readonly id: string;
  /** `time_created` of the message's row, in milliseconds. */
  readonly rowMs: number | null;
  readonly role: string | null;
  readonly agent: string | null;
  readonly mode: string | null;
  readonly parentID: string | null;
  /** The provider of the model that gave the answer, or that the user chose. */
  readonly providerID: string | null;
  readonly modelID: string | null;
  readonly cwd: string | null;
  readonly root: string | null;
  /** The time at which the message was made, in milliseconds since the epoch. */
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

/** What one part says about itself. */
export interface PartFacts {
  readonly id: string;
  readonly type: string | null;
  readonly cost: number | null;
  readonly tokens: TokenFacts;
}

/** A summary of the messages and parts of a session. */
export interface SessionOutline {
  /** The messages in the order of opencode: by time, then by id. */
  readonly messages: readonly MessageFacts[];
  /** The id of the message to which a part belongs. */
  messageOf(partID: string): string | null;
  partsOf(messageID: string): readonly PartFacts[];
}
