import { randomUUID } from "node:crypto";
import type { Bundle } from "../store.ts";
import type { Connection, SqlRow } from "./driver.ts";
import { quoted } from "./schema.ts";
import { nextStart } from "./sqlite-error.ts";

/** Rows read as one value. */
const ROWS_OF_BUNDLE = 128;

/** Rows with longer documents are read one by one. */
const LARGEST_BUNDLED_BYTES = 256 * 1024;

/** Some rows that follow each other, from the first after `after` to `until`. */
export interface BundledRows {
  readonly after: string;
  readonly until: string;
  readonly rows: number;
  readonly bytes: number;
  /** `null` where the rows must be looked at one by one. */
  readonly bundle: Bundle | null;
}

/**
 * Reads the documents of a table in bundles: SQLite joins the texts of many rows, and one JSON parser reads them all. Row
 * for row the same costs twice the time. Between two texts stands a value that nobody can guess, so that whatever is in
 * them, a bundle is only read where every row holds exactly one JSON document.
 */
export function* readBundles(
  connection: Connection,
  kind: Bundle["kind"],
  first: string,
  last: string,
): Iterable<BundledRows> {
  const mark = randomUUID();
  const sql = `select count(*) as rows, cast(max(at) as text) as until, group_concat(document, ',"${mark}",') as joined,
      sum(bytes) as bytes, count(id) as named, min(id) as id1, max(id) as id2, min(owner) as owner1, max(owner) as owner2
    from (select rowid as at, id, session_id as owner, octet_length(data) as bytes,
      case when typeof(data) = 'text' and octet_length(data) <= ${LARGEST_BUNDLED_BYTES} then data end as document
      from ${quoted(kind)} where rowid > cast(? as integer) and rowid <= cast(? as integer)
      order by rowid limit ${ROWS_OF_BUNDLE})`;
  for (let after = first; ; ) {
    const read = connection.all(sql, after, last)[0];
    if (typeof read?.until !== "string") return;
    const { until } = read;
    const rows = Number(read.rows);
    yield { after, until, rows, bytes: Number(read.bytes), bundle: bundleOf(kind, read, rows, mark) };
    after = nextStart(kind, after, until);
  }
}

function bundleOf(kind: Bundle["kind"], read: SqlRow, rows: number, mark: string): Bundle | null {
  const { joined, id1, id2, owner1, owner2 } = read;
  // Bytes that are not UTF-8 mean something else to a host where the text is short.
  if (typeof joined !== "string" || joined.includes("\uFFFD") || Number(read.named) !== rows) return null;
  if (typeof id1 !== "string" || typeof id2 !== "string") return null;
  if (typeof owner1 !== "string" || typeof owner2 !== "string") return null;
  const documents = unmarked(joined, rows, mark);
  return documents === null ? null : { kind, documents, ids: [id1, id2], sessionIDs: [owner1, owner2] };
}

function unmarked(joined: string, rows: number, mark: string): unknown[] | null {
  let values: unknown[];
  try {
    values = JSON.parse(`[${joined}]`) as unknown[];
  } catch {
    return null;
  }
  if (values.length !== 2 * rows - 1) return null;
  const documents: unknown[] = [values[0]];
  for (let index = 1; index < values.length; index += 2) {
    if (values[index] !== mark) return null;
    documents.push(values[index + 1]);
  }
  return documents;
}
