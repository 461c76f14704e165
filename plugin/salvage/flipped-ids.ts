import type { Connection } from "../stores/sqlite/driver.ts";

/**
 * The beginnings of opencode's own ids. opencode loads no session, message or part with another beginning (1.17, 1.18).
 */
const ID_COLUMNS = [
  { table: "session", column: "id", beginning: "ses_" },
  { table: "message", column: "id", beginning: "msg_" },
  { table: "message", column: "session_id", beginning: "ses_" },
  { table: "part", column: "id", beginning: "prt_" },
  { table: "part", column: "message_id", beginning: "msg_" },
  { table: "part", column: "session_id", beginning: "ses_" },
] as const;

/** The rest of an id, after the beginning. */
const REST = /^[0-9A-Za-z]{26}$/;

/**
 * The largest number of flipped bits in the 32 bits of the beginning. An id of another program differs in many more
 * bits. (An id that is no longer ASCII is taken from an index.)
 */
const MOST_FLIPPED_BITS = 3;

/**
 * Corrects ids whose beginning has a few flipped bits. If another row has the corrected id, both are the same record,
 * read from different places. The newer one is kept.
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
