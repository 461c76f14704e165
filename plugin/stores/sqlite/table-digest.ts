import { sha256 } from "../../platform/hash.ts";
import type { Connection } from "./driver.ts";
import { quoted } from "./schema.ts";

/** The SHA-256 of the statement and all rows of a small table, byte for byte; `absent` if there is no such table. */
export function tableDigest(connection: Connection, table: string): string {
  const [made] = connection.all("select sql from sqlite_master where type = 'table' and name = ?", table);
  if (made === undefined) return "absent";
  const columns = connection.all(`pragma table_info(${quoted(table)})`).map(({ name }) => quoted(String(name)));
  const values = columns.map((name) => `quote(${name}) || ' ' || typeof(${name})`).join(" || ',' || ");
  const rows = connection.all(
    `select cast(rowid as text) || ':' || ${values} as row from ${quoted(table)} order by rowid`,
  );
  return sha256(Buffer.from(JSON.stringify([made.sql, rows.map(({ row }) => row)])));
}
