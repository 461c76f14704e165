import type { RowValues, StorageClass } from "../model/artifact.ts";
import type { Parsed } from "./conversation.ts";

/** One row of `message` or `part` as the import of opencode 2.x selects it. */
export interface SourceRecord {
  readonly id: string;
  /** For a part, the message that the part names. For a message, its own id. */
  readonly messageID: string;
  /** The session that the row itself names, which may differ from the session of its message. */
  readonly sessionID: string;
  /** `time_created` of the row, as SQLite returns it. */
  readonly created: unknown;
  readonly updated: unknown;
  /** The parsed JSON of the row; `null` if it is too large for memory. */
  readonly document: Parsed | null;
  readonly storage: Exclude<StorageClass, "row" | "file">;
  readonly bytes: number;
}

/** All data of one session of 1.x that the import of opencode 2.x reads. */
export interface SourceSession {
  readonly id: string;
  /** The columns of the session that are not JSON. */
  readonly row: RowValues;
  /** The JSON columns of the session that have a value. */
  readonly json: ReadonlyMap<string, Parsed>;
  readonly hasProject: boolean;
  /**
   * Whether the migration `session_usage` of 1.15.13 will still be applied. That migration stops at a message that is
   * not JSON.
   */
  readonly isBeforeUsage: boolean;
  /** The rows of `message` that name the session. */
  readonly messages: readonly SourceRecord[];
  /** The rows of `part` that name the session or one of its messages. */
  readonly parts: readonly SourcePart[];
}

export interface SourcePart extends SourceRecord {
  /** Whether the message that the part names exists, in this session or another. */
  readonly hasMessage: boolean;
}
