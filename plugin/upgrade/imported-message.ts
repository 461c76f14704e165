import type { Fields } from "../stores/conversation.ts";
import type { SourceRecord } from "../stores/source-session.ts";

/** One message as 2.x stores it after its import. `data` holds neither the id nor the type. */
export interface ImportedMessage {
  readonly id: string;
  readonly type: "user" | "synthetic" | "assistant" | "compaction";
  readonly created: unknown;
  readonly updated: unknown;
  readonly data: Fields;
}

/** A row that the import decodes, with its content. */
export interface DecodedRecord {
  readonly record: SourceRecord;
  readonly value: Fields;
}

export interface DecodedMessage extends DecodedRecord {
  /** The decoded parts of the message, in the order of their ids. */
  readonly parts: readonly DecodedRecord[];
}
