import type { Connection } from "../stores/sqlite/driver.ts";
import type { SqliteRecord } from "../stores/sqlite/pages/record.ts";
import { utf8Text } from "../stores/sqlite/pages/schema-objects.ts";
import { quoted } from "../stores/sqlite/schema.ts";
import { soundID } from "./sound-values.ts";
import { beginsAs } from "./table-shape.ts";

/**
 * Which columns an index contains. An entry of the index has the values of these columns in one row, followed by the
 * rowid.
 */
export interface IndexShape {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  /** Whether the index has an entry for every row of its table. A partial index does not. */
  readonly namesEveryRow: boolean;
  /** A bit that identifies the index among the indexes of its table. */
  readonly bit: number;
}

/** A row that must have existed, because an index entry names it. */
export interface NamedRow {
  readonly table: string;
  /** The rowid of the row, an integer written as text. */
  readonly rowID: string;
  readonly id: string | null;
  readonly messageID: string | null;
  readonly sessionID: string | null;
}

/** The columns in which a row names its session. */
export const SESSION_COLUMNS = ["session_id", "aggregate_id"];

/** At most this many indexes of a table are supported, because each needs a bit. opencode has at most six. */
const MOST_INDEXES = 30;

/**
 * The indexes of a database. Indexes with a descending order or a special collation, indexes of expressions, and
 * indexes of tables without rowids are left out, because opencode creates none of these.
 */
export function indexShapes(connection: Connection): IndexShape[] {
  const shapes: IndexShape[] = [];
  for (const row of connection.all("select name, sql from sqlite_master where type = 'table' order by name")) {
    const table = String(row.name);
    if (/without\s+rowid\W*$/i.test(String(row.sql))) continue;
    const indexes = connection.all(`pragma index_list(${quoted(table)})`);
    for (const [number, index] of indexes.slice(0, MOST_INDEXES).entries()) {
      const columns = connection.all(`pragma index_xinfo(${quoted(String(index.name))})`);
      const keys = columns.filter((column) => Number(column.key) === 1);
      if (keys.some(({ name, desc, coll }) => name === null || Number(desc) === 1 || coll !== "BINARY")) continue;
      shapes.push({
        name: String(index.name),
        table,
        columns: keys.map(({ name }) => String(name)),
        namesEveryRow: Number(index.partial) === 0,
        bit: 2 ** number,
      });
    }
  }
  return shapes;
}

/** The row that an index entry names; `null` if the record cannot be an entry of this index. */
export function namedRow({ table, columns }: IndexShape, { letters, values }: SqliteRecord): NamedRow | null {
  const rowID = letters.at(-1);
  // SQLite assigns positive rowids to opencode's rows, so a smaller number is damage.
  if (letters.length !== columns.length + 1 || rowID !== "i" || Number(values.at(-1)) < 1) return null;
  if (!columns.every((column, index) => beginsAs(table, column, values[index] ?? null))) return null;
  const text = (wanted: readonly string[]) => {
    const value = values[columns.findIndex((column) => wanted.includes(column))];
    return value instanceof Uint8Array ? utf8Text(value) : null;
  };
  const id = text(["id"]);
  const [messageID, sessionID] = [text(["message_id"]), table === "session" ? id : text(SESSION_COLUMNS)];
  if ([id, messageID, sessionID].some((each) => each !== null && soundID(each) === null)) return null;
  return { table, rowID: String(values.at(-1)), id, messageID, sessionID };
}

/**
 * Compares two entries of an index as SQLite orders them (sqlite.org/fileformat2.html, section 2.3, without
 * collations).
 */
export function compareEntries(one: SqliteRecord, other: SqliteRecord): number {
  for (let index = 0; index < Math.min(one.values.length, other.values.length); index += 1) {
    const [a, b] = [one.values[index] ?? null, other.values[index] ?? null];
    const difference = rank(a) - rank(b) || compareValues(a, b);
    if (difference !== 0) return difference;
  }
  return 0;
}

type Value = SqliteRecord["values"][number];

/** In an index, NULL comes first, then numbers, then texts and blobs. Large numbers are strings here. */
function rank(value: Value): number {
  if (value === null) return 0;
  return value instanceof Uint8Array ? 2 : 1;
}

function compareValues(a: Value, b: Value): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return Number(a) - Number(b);
}
