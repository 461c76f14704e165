import type { Connection } from "../stores/sqlite/driver.ts";

/** How opencode's own ids begin; it loads no session, message or part of another beginning (1.17, 1.18). */
const BEGINNINGS = [
  { table: "session", column: "id", beginning: "ses_" },
  { table: "message", column: "id", beginning: "msg_" },
  { table: "message", column: "session_id", beginning: "ses_" },
  { table: "part", column: "id", beginning: "prt_" },
  { table: "part", column: "message_id", beginning: "msg_" },
  { table: "part", column: "session_id", beginning: "ses_" },
] as const;

/** What follows the beginning. */
const REST = /^[0-9A-Za-z]{26}$/;

/** Of 32 bits; an id of another program differs in many more. */
const MOST_FLIPPED_BITS = 3;

/**
 * Gives ids whose beginning a few flipped bits have changed that beginning back. A row whose right id another row has is
 * the same record, read from elsewhere: it goes.
 */
export function unflipIDs(connection: Connection): void {
  for (const { table, column, beginning } of BEGINNINGS) {
    const rows = connection.all(
      `select cast(rowid as text) as at, "${column}" as id from "${table}" where substr("${column}", 1, 4) <> ?`,
      beginning,
    );
    for (const { at, id } of rows) {
      const right = typeof id === "string" ? unflipped(id, beginning) : null;
      if (right === null) continue;
      const row = [right, String(at)] as const;
      const updated = connection.run(
        `update or ignore "${table}" set "${column}" = ? where rowid = cast(? as integer)`,
        ...row,
      );
      if (updated === 0) connection.run(`delete from "${table}" where rowid = cast(? as integer)`, String(at));
    }
  }
}

/** The id with its right beginning; `null` where what stands there is no such beginning with a few flipped bits. */
function unflipped(id: string, beginning: string): string | null {
  const [found, rest] = [Buffer.from(id.slice(0, beginning.length), "latin1"), id.slice(beginning.length)];
  if (!REST.test(rest) || found.toString("latin1") !== id.slice(0, beginning.length)) return null;
  let bits = 0;
  for (const [index, byte] of found.entries()) {
    for (let left = byte ^ beginning.charCodeAt(index); left > 0; left &= left - 1) bits += 1;
  }
  return bits <= MOST_FLIPPED_BITS ? beginning + rest : null;
}
