import type { z } from "zod";
import type { OtherTable } from "./other-tables.ts";

/** A 2.x whose rows this tool decodes. */
export type ProfileName = "2.0.26" | "2 preview";

/** One version of opencode 2.x: where it keeps sessions, and what it demands of their rows. */
export interface Profile {
  readonly name: ProfileName;
  /** As findings name it. */
  readonly host: string;
  /** The newest version whose rows are known; `null`: its sessions name no version of 2.x. */
  readonly newestKnown: string | null;
  /** The table of sessions. Messages are in `session_message` in every version. */
  readonly sessionTable: "session_v2" | "session";
  /** Columns of a session that are parsed as JSON whenever its row is read, also where the answer does not hold them. */
  readonly jsonColumns: readonly string[];
  /** A session's row with its JSON columns parsed, as the answers of the list and of the session are made of it. */
  readonly session: z.ZodType;
  /** The documents of messages by type; `id` comes from its column. */
  readonly messages: Readonly<Record<string, z.ZodType>>;
  /** Whether it opens no session whose folder is not there. Of 2.0.26 that is not known. */
  readonly needsFolders: boolean;
  /** What it decodes beside sessions and messages. The preview answers whatever is in its other tables (measured). */
  readonly otherTables: readonly OtherTable[];
  /** Whether a compaction that is not completed ends what is sent to a model. The preview knows no other ones. */
  readonly knowsCompactionStatus: boolean;
}
