import { LARGEST_LOADED_BYTES } from "../../model/artifact.ts";
import { parseDocument } from "../conversation.ts";
import { byteLength, type Connection } from "./driver.ts";
import type { Schema } from "./schema.ts";

/** How far the import of opencode 2.x came, as the import itself records it. */
export interface ImportState {
  /**
   * `completed`: the import finished. `sessions`: the import still copies sessions, or stopped while it did. `unknown`:
   * no record shows the state.
   */
  readonly phase: "completed" | "sessions" | "unknown";
  /** The id of the last session that was imported. Sessions with smaller ids are still to be imported. */
  readonly cursor: string | null;
  /** The time at which the import wrote this state, in milliseconds. */
  readonly writtenMs: number | null;
}

/**
 * The messages in the tables of opencode 2.x: their parsed JSON by id. `null` stands for JSON that no parser can read
 * or that is too large.
 */
export type TwinMessages = ReadonlyMap<string, unknown>;

/**
 * Whether both 1.x and 2.x have a copy of each session in this database, in tables and columns that this tool knows.
 */
export function hasTwins({ tables }: Schema): boolean {
  const has = (table: string, ...columns: readonly string[]) =>
    columns.every((column) => tables.get(table)?.includes(column) === true);
  return has("session_v2", "id") && has("session_message", "id", "session_id", "data") && has("kv", "key", "value");
}

/**
 * Reads how far the import of opencode 2.x came. The import keeps its state in the table `kv` under the key
 * `migration.v1-v2`.
 */
export function readImportState(connection: Connection): ImportState {
  const [row] = connection.all(
    `select cast(value as text) as value, cast(time_updated as real) as written from kv where key = 'migration.v1-v2'`,
  );
  const unknown = { phase: "unknown", cursor: null, writtenMs: null } as const;
  if (typeof row?.value !== "string") return unknown;
  try {
    const { phase, cursor } = Object(JSON.parse(row.value)) as { readonly phase?: unknown; readonly cursor?: unknown };
    if (phase !== "completed" && phase !== "sessions") return unknown;
    const writtenMs = typeof row.written === "number" ? row.written : null;
    return { phase, cursor: typeof cursor === "string" ? cursor : null, writtenMs };
  } catch {
    return unknown;
  }
}

/** The ids of all sessions in the tables of opencode 2.x. */
export function sessionsOf2x(connection: Connection): ReadonlySet<string> {
  return new Set(connection.all("select id from session_v2").map(({ id }) => String(id)));
}

/** The messages of a session in the tables of opencode 2.x. */
export function readTwin(connection: Connection, sessionID: string): TwinMessages {
  const rows = connection.all(
    `select id, typeof(data) as storage, case when ${byteLength("data")} <= ${LARGEST_LOADED_BYTES} then cast(data as blob) end as bytes
     from session_message where session_id = ?`,
    sessionID,
  );
  return new Map(
    rows.map(({ id, storage, bytes }) => {
      const held = bytes instanceof Uint8Array ? Buffer.from(bytes) : null;
      const parsed = parseDocument({ bytes: held, storage: storage === "blob" ? "blob" : "text" });
      return [String(id), parsed.ok ? parsed.value : null];
    }),
  );
}
