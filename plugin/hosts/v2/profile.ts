import type { z } from "zod";
import type { OtherTable } from "./other-tables.ts";

/** The versions of opencode 2.x whose rows this tool can check. */
export type ProfileName = "2.0.26" | "2 preview";

/** One version of opencode 2.x: where it keeps sessions, and what it requires of their rows. */
export interface Profile {
  readonly name: ProfileName;
  /** The name of this version in findings. */
  readonly host: string;
  /**
   * The newest version of opencode 2.x whose rows are known; `null` for the preview, because its sessions do not name a
   * version of 2.x.
   */
  readonly newestKnown: string | null;
  /** The table of sessions. In every version, messages are in `session_message`. */
  readonly sessionTable: "session_v2" | "session";
  /**
   * Columns of a session that opencode parses as JSON whenever it reads the row, even if the answer does not contain
   * them.
   */
  readonly jsonColumns: readonly string[];
  /**
   * The schema of a session's row, after its JSON columns were parsed. opencode makes its answers for the list and for
   * one session from such a row.
   */
  readonly session: z.ZodType;
  /** The schemas of messages, by type. The `id` of a message comes from the column `id`, not from the document. */
  readonly messages: Readonly<Record<string, z.ZodType>>;
  /** Whether this version refuses to open a session whose folder is missing. It is unknown whether 2.0.26 does. */
  readonly needsFolders: boolean;
  /**
   * The tables, other than those of sessions and messages, that this version decodes. The preview answers every
   * request, whatever its other tables hold (measured).
   */
  readonly otherTables: readonly OtherTable[];
  /**
   * Whether compactions (summaries of earlier messages) have a status. If so, the context for a model begins at a
   * completed compaction. In the preview, which has no status, the context begins at any compaction.
   */
  readonly knowsCompactionStatus: boolean;
}
