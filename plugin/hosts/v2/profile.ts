import type { z } from "zod";
import type { OtherTable } from "./other-tables.ts";

/** A version of 2.x whose rows this tool decodes. */
export type ProfileName = "2.0.26" | "2 preview";

/** One version of opencode 2.x: the place of its sessions, and its requirements for their rows. */
export interface Profile {
  readonly name: ProfileName;
  /** The name of this host in findings. */
  readonly host: string;
  /** The newest version whose rows are known; `null` if its sessions name no version of 2.x. */
  readonly newestKnown: string | null;
  /** The table of sessions. In every version, messages are in `session_message`. */
  readonly sessionTable: "session_v2" | "session";
  /**
   * Columns of a session that opencode parses as JSON whenever it reads the row, even if the answer does not contain
   * them.
   */
  readonly jsonColumns: readonly string[];
  /**
   * A session's row with its JSON columns parsed. opencode makes its answers for the list and for one session from such
   * a row.
   */
  readonly session: z.ZodType;
  /** The documents of messages, by type. `id` comes from its column. */
  readonly messages: Readonly<Record<string, z.ZodType>>;
  /** Whether this version opens no session whose folder is missing. For 2.0.26 that is unknown. */
  readonly needsFolders: boolean;
  /**
   * The tables besides sessions and messages that this version decodes. The preview answers every request, whatever its
   * other tables hold (measured).
   */
  readonly otherTables: readonly OtherTable[];
  /**
   * Whether compactions have a status. If so, only a completed compaction marks where the context for a model begins.
   * In the preview, every compaction marks that place.
   */
  readonly knowsCompactionStatus: boolean;
}
