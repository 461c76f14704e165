import type { Connection } from "../stores/sqlite/driver.ts";

/**
 * The prefix of the id in each column. opencode 1.17 and 1.18 cannot load a session with an id that has another prefix.
 */
const ID_COLUMNS = [
  { table: "session", column: "id", beginning: "ses_" },
  { table: "message", column: "id", beginning: "msg_" },
  { table: "message", column: "session_id", beginning: "ses_" },
  { table: "part", column: "id", beginning: "prt_" },
  { table: "part", column: "message_id", beginning: "msg_" },
  { table: "part", column: "session_id", beginning: "ses_" },
] as const;

/** Matches the part of an id after its prefix. */
const REST = /^[0-9A-Za-z]{26}$/;

/**
 * How many of the 32 bits of a prefix may be flipped. An id that another program made differs in many more bits. Ids
 * that are no longer ASCII are read from an index instead.
 */
const MOST_FLIPPED_BITS = 3;

/**
 * Corrects ids whose prefix has a few flipped bits. If another row already has the corrected id, both rows are the same
 * record, read from two places. The newer row is kept.
 */
export function unflipIDs(connection: Connection): void {
  for (const { table, column, beginning } of ID_COLUMNS) {
    const rows = connection.all(
      `select cast(rowid as text) as at, substr("${column}", 1, 4) as found, substr("${column}", 5) as rest
         from "${table}" where substr("${column}", 1, 4) <> ?`,
      beginning,
    );
    for (const { at, found, rest } of rows) {
      if (typeof found !== "string" || typeof rest !== "string" || !REST.test(rest)) continue;
      if (differingBits(found, beginning) > MOST_FLIPPED_BITS) continue;
      const right = beginning + rest;
      if (column === "id") {
        connection.run(
          `delete from "${table}" where id = ? and time_updated <
             (select time_updated from "${table}" where rowid = cast(? as integer))`,
          ...[right, String(at)],
        );
      }
      const row = [right, String(at)] as const;
      const updated = connection.run(
        `update or ignore "${table}" set "${column}" = ? where rowid = cast(? as integer)`,
        ...row,
      );
      if (updated === 0) connection.run(`delete from "${table}" where rowid = cast(? as integer)`, String(at));
    }
  }
}

function differingBits(found: string, beginning: string): number {
  let bits = 0;
  for (let index = 0; index < beginning.length; index += 1) {
    for (let left = found.charCodeAt(index) ^ beginning.charCodeAt(index); left > 0; left &= left - 1) bits += 1;
  }
  return bits;
}
