import type { Fields } from "../stores/conversation.ts";
import type { SourceRecord } from "../stores/source-session.ts";

/** One message as opencode 2.x stores it after the import. The id and the type are not in `data`. */
export interface ImportedMessage {
  readonly id: string;
  readonly type: "user" | "synthetic" | "assistant" | "compaction";
  readonly created: unknown;
  readonly updated: unknown;
  readonly data: Fields;
}

/** A row that the import accepts, with its parsed content. */
export interface DecodedRecord {
  readonly record: SourceRecord;
  readonly value: Fields;
}

export interface DecodedMessage extends DecodedRecord {
  /** The parts of the message that the import accepts, in the order of their ids. */
  readonly parts: readonly DecodedRecord[];
}
