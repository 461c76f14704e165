/**
 * The facts of one message from which missing values of its neighbours can be derived. A value is `null` if the message
 * lacks it or has it in the wrong type.
 */
export interface MessageFacts {
  readonly id: string;
  /** `time_created` of the row, in milliseconds. */
  readonly rowMs: number | null;
  readonly role: string | null;
  readonly agent: string | null;
  readonly mode: string | null;
  readonly parentID: string | null;
  /** The model of an answer, or the model that the user chose. */
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

/** The facts and the place of a part. Parts are read by message, in the order of their ids. */
export interface PartFacts {
  readonly id: string;
  readonly type: string | null;
  readonly cost: number | null;
  readonly tokens: TokenFacts;
}

/** A summary of the records of a session. */
export interface SessionOutline {
  /** In the order of opencode: by time, then by id. */
  readonly messages: readonly MessageFacts[];
  /** The message to which a part belongs. */
  messageOf(partID: string): string | null;
  partsOf(messageID: string): readonly PartFacts[];
}
