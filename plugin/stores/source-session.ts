import type { RowValues, StorageClass } from "../model/artifact.ts";
import type { Parsed } from "./conversation.ts";

/** One row of `message` or `part`, as the import of 2.x selects it. */
export interface SourceRecord {
  readonly id: string;
  /** Of a part the message that it names; of a message its own id. */
  readonly messageID: string;
  /** The session that the row itself names. */
  readonly sessionID: string;
  /** `time_created` and `time_updated`, as SQLite hands them out. */
  readonly created: unknown;
  readonly updated: unknown;
  /** What its JSON says; `null` where the value is too large to be held. */
  readonly document: Parsed | null;
  readonly storage: Exclude<StorageClass, "row" | "file">;
  readonly bytes: number;
}

/** Everything that the import of 2.x reads of one session of 1.x. */
export interface SourceSession {
  readonly id: string;
  /** Its columns that are not JSON. */
  readonly row: RowValues;
  /** Its JSON columns that hold something. */
  readonly json: ReadonlyMap<string, Parsed>;
  readonly hasProject: boolean;
  /** Whether the migration `session_usage` of 1.15.13 is to come: it ends at a message that is no JSON. */
  readonly isBeforeUsage: boolean;
  /** Rows of `message` that name it. */
  readonly messages: readonly SourceRecord[];
  /** Rows of `part` that name it or one of its messages. */
  readonly parts: readonly SourcePart[];
}

export interface SourcePart extends SourceRecord {
  /** Whether the message that it names is there, in whatever session. */
  readonly hasMessage: boolean;
}
