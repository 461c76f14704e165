import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { Bundle } from "../../model/artifact.ts";
import { byteLength, type Connection, type SqlValue } from "./driver.ts";
import { quoted } from "./schema.ts";
import { nextStart } from "./sqlite-error.ts";

/** The number of rows that are read together as one value. */
const ROWS_OF_BUNDLE = 128;

/** The longest document that is read together with others. A row with a longer document is read by itself. */
const LARGEST_BUNDLED_BYTES = 256 * 1024;

/** The usual beginnings of ids. A row with another id is read by itself. */
const USUAL = {
  message: { idBeginning: "msg_", sessionIDBeginning: "ses_" },
  part: { idBeginning: "prt_", sessionIDBeginning: "ses_" },
} as const;

/**
 * The length of the random text between two documents. 7 bytes (56 bits) cannot be guessed. Their text has only ten
 * characters, and JSON parsers allocate no memory for a text that short.
 */
const MARK_BYTES = 7;

/** Consecutive rows: the ids after `after`, up to and including `until`. */
export interface BundledRows {
  readonly after: string;
  readonly until: string;
  readonly rows: number;
  readonly bytes: number;
  /** The parsed documents of the rows; `null` if the rows must be read one by one. */
  readonly bundle: Bundle | null;
}

/**
 * Reads the documents of a table in groups of rows: SQLite joins the texts of many rows, and one call of the JSON
 * parser reads them all. Reading row by row takes twice the time. A random text separates the documents. So a group is
 * accepted only if every row holds exactly one JSON document, whatever the texts contain.
 */
export function* readBundles(
  connection: Connection,
  kind: Bundle["kind"],
  first: string,
  last: string,
): Iterable<BundledRows> {
  const mark = randomBytes(MARK_BYTES).toString("base64url");
  const documentsOf = bundleReader(mark);
  const { idBeginning, sessionIDBeginning } = USUAL[kind];
  const sql = `select count(*) as rows, cast(max(at) as text) as until, sum(bytes) as bytes,
      cast(group_concat(document, ',"${mark}",') as blob) as joined
    from (select rowid as at, ${byteLength("data")} as bytes,
      case when typeof(data) = 'text' and ${byteLength("data")} <= ${LARGEST_BUNDLED_BYTES} and ${begins("id", idBeginning)}
        and ${begins("session_id", sessionIDBeginning)} then data end as document
      from ${quoted(kind)} where rowid > cast(? as integer) and rowid <= cast(? as integer)
      order by rowid limit ${ROWS_OF_BUNDLE})`;
  for (let after = first; ; ) {
    const read = connection.all(sql, after, last)[0];
    if (typeof read?.until !== "string") return;
    const { until } = read;
    const rows = Number(read.rows);
    const documents = documentsOf(read.joined, rows);
    const bundle = documents === null ? null : { kind, documents, ...USUAL[kind] };
    yield { after, until, rows, bytes: Number(read.bytes), bundle };
    after = nextStart(kind, after, until);
  }
}

/**
 * The SQL condition that a text begins with `beginning`. Comparing with two limits is cheaper than calling a function
 * for each row.
 */
function begins(column: string, beginning: string): string {
  const next = beginning.slice(0, -1) + String.fromCharCode(beginning.charCodeAt(beginning.length - 1) + 1);
  return `${column} >= '${beginning}' and ${column} < '${next}'`;
}

/**
 * Reads the documents of joined rows; `null` unless every row holds exactly one document. Each byte becomes one
 * character (Latin-1), so a text with characters beyond ASCII takes half the memory. These characters occur only inside
 * strings of JSON, so the structure stays the same.
 */
function bundleReader(mark: string): (joined: SqlValue | undefined, rows: number) => unknown[] | null {
  let room = Buffer.alloc(0);
  return (joined, rows) => {
    // opencode reads short texts that are not UTF-8 in another way, so such rows are read one by one.
    if (!(joined instanceof Uint8Array) || !isUtf8(joined)) return null;
    const end = joined.length + 1;
    if (room.length <= end) room = Buffer.alloc(2 * end);
    room.write("[");
    room.set(joined, 1);
    room.write("]", end);
    return unmarked(room.toString("latin1", 0, end + 1), rows, mark);
  };
}

function unmarked(array: string, rows: number, mark: string): unknown[] | null {
  let values: unknown[];
  try {
    values = JSON.parse(array) as unknown[];
  } catch {
    return null;
  }
  if (values.length !== 2 * rows - 1) return null;
  for (let row = 1; row < rows; row += 1) {
    if (values[2 * row - 1] !== mark) return null;
    values[row] = values[2 * row];
  }
  values.length = rows;
  return values;
}
