import type { Connection } from "../stores/sqlite/driver.ts";
import { quoted } from "../stores/sqlite/schema.ts";
import { MIGRATIONS } from "./choose-schema.ts";
import type { ReadIndex } from "./gather.ts";
import { SESSION_COLUMNS } from "./index-shape.ts";
import { mayHide } from "./index-tree.ts";
import type { TableForm } from "./table-shape.ts";

/** How many records were lost for good. */
export interface Loss {
  readonly count: number;
  /** Whether `count` is exact. If not, at least this many records are lost. */
  readonly isCounted: boolean;
}

/** How many rows of one table were lost. */
export interface TableLoss {
  readonly table: string;
  readonly all: Loss;
  /** How many rows of one session were lost. Always 0 for a table whose rows belong to no session. */
  ofSession(sessionID: string): Loss;
  /** How many lost rows belong to an unknown session. */
  readonly ofUnknown: number;
  /** The sessions that lost at least one row. */
  readonly sessionIDs: readonly string[];
}

const NOTHING: Loss = { count: 0, isCounted: true };

/**
 * Counts the lost rows of every table except the migration tables, whose rows are known. A row is lost if an index
 * names it and the new database does not have it. Call this function before any row is rebuilt, with the ledger
 * attached. `isWhole` tells whether every page of a table was read, so that its indexes are not needed.
 */
export function lossesOf(
  connection: Connection,
  shapes: readonly TableForm[],
  indexes: readonly ReadIndex[],
  isWhole: (table: string) => boolean,
): TableLoss[] {
  return shapes
    .filter(({ name }) => !name.startsWith("sqlite_") && !(name in MIGRATIONS))
    .map((shape) => {
      const own = indexes.filter((index) => index.shape.table === shape.name && index.shape.namesEveryRow);
      return lossOf(connection, shape, own, isWhole(shape.name));
    });
}

/**
 * The counts for one session, or for unknown sessions (key `""`): rows that indexes name, how many of these are lost,
 * and rows that no index names.
 */
interface Tally {
  named: number;
  lost: number;
  unnamed: number;
  /** How many entries each index has, in the order of the list of indexes. */
  readonly entries: number[];
}

function lossOf(connection: Connection, shape: TableForm, indexes: readonly ReadIndex[], isWhole: boolean): TableLoss {
  const tallies = tally(connection, shape, indexes);
  const all: Tally = { named: 0, lost: 0, unnamed: 0, entries: indexes.map(() => 0) };
  for (const each of tallies.values()) {
    all.named += each.named;
    all.lost += each.lost;
    all.unnamed += each.unnamed;
    for (const [place, count] of each.entries.entries()) all.entries[place] = (all.entries[place] ?? 0) + count;
  }
  const agrees = (each: Tally, place: number) => each.entries[place] === each.named + each.unnamed;
  const wholePlaces = indexes.flatMap(({ gaps }, place) => (gaps.length === 0 ? [place] : []));
  const allCounted = (isWhole && all.lost === 0) || wholePlaces.some((place) => agrees(all, place));
  const isCountedFor = (sessionID: string, each: Tally): boolean => {
    if (allCounted && (tallies.get("")?.lost ?? 0) === 0) return true;
    return indexes.some(
      ({ shape: { columns }, gaps }, place) =>
        SESSION_COLUMNS.includes(columns[0] ?? "") &&
        agrees(each, place) &&
        !gaps.some((gap) => mayHide(gap, sessionID)),
    );
  };
  const loss = (each: Tally, isCounted: boolean): Loss => {
    // A row that no index names may be one of the lost rows, if an index has a damaged id for this row. So the rows
    // that no index names are subtracted from the number of lost rows.
    return { count: isCounted ? each.lost : Math.max(0, each.lost - each.unnamed), isCounted };
  };
  const isOfSessions = shape.columns.some(({ name }) => SESSION_COLUMNS.includes(name));
  return {
    table: shape.name,
    all: loss(all, allCounted),
    ofSession: (sessionID) => {
      if (!isOfSessions) return NOTHING;
      const each = tallies.get(sessionID) ?? { named: 0, lost: 0, unnamed: 0, entries: indexes.map(() => 0) };
      return loss(each, isCountedFor(sessionID, each));
    },
    ofUnknown: isOfSessions || shape.name === "session" ? (tallies.get("")?.lost ?? 0) : 0,
    sessionIDs: [...tallies].flatMap(([sessionID, { lost }]) => (lost > 0 && sessionID !== "" ? [sessionID] : [])),
  };
}

function tally(connection: Connection, shape: TableForm, indexes: readonly ReadIndex[]): Map<string, Tally> {
  const { name } = shape;
  const has = (column: string) => shape.columns.some((each) => each.name === column);
  const table = quoted(name);
  const session = name === "session" ? "id" : SESSION_COLUMNS.find(has);
  const hasID = shape.columns.some((column) => column.name === "id" && column.affinity === "text");
  if (hasID) acceptFlippedIDs(connection, name);
  // The id comes from an index. If no index has the id, it comes from a page that had the row with the same rowid.
  const id = `coalesce(n.id, (select id from ledger.taken t where t.kind = n.kind and t.row_id = n.row_id and t.id <> '' limit 1))`;
  connection.run(
    `create temp table state as select n.row_id, n.sources, ${id} as id, n.session_id as session, n.message_id as message,
       exists (select 1 from ledger.taken t where t.kind = n.kind and t.row_id = n.row_id) as present
     from ledger.named n where n.kind = ? and n.sources > 0`,
    name,
  );
  if (hasID) {
    connection.exec(`update state set present = id is not null and id in (select id from ${table});
      create index temp.state_id on state (id)`);
  } else connection.exec("create index temp.state_row on state (row_id)");
  if (session !== undefined && hasID) {
    connection.exec(
      `update state set session = (select ${session} from ${table} t where t.id = state.id) where present`,
    );
  }
  if (has("message_id")) {
    connection.exec(`update state set session = coalesce((select session_id from message where message.id = state.message),
        (select session_id from ledger.named where named.id = state.message and session_id is not null limit 1))
      where session is null`);
  }
  const tallies = new Map<string, Tally>();
  const of = (key: string): Tally => {
    const known = tallies.get(key) ?? { named: 0, lost: 0, unnamed: 0, entries: indexes.map(() => 0) };
    tallies.set(key, known);
    return known;
  };
  const sums = indexes.map((index, place) => `, sum(sources & ${index.shape.bit} > 0) as entries${place}`).join("");
  const named = `select session, count(*) as named, sum(not present) as lost${sums} from state group by 1`;
  for (const row of connection.all(named)) {
    const each = of(String(row.session ?? ""));
    each.named = Number(row.named);
    each.lost = Number(row.lost);
    for (const place of indexes.keys()) each.entries[place] = Number(row[`entries${place}`]);
  }
  const key = hasID
    ? "id not in (select id from state where id is not null)"
    : "rowid not in (select row_id from state)";
  const unnamed = `select ${session ?? "null"} as session, count(*) as unnamed from ${table} where ${key} group by 1`;
  for (const row of connection.all(unnamed)) of(String(row.session ?? "")).unnamed = Number(row.unnamed);
  connection.exec("drop table temp.state");
  return tallies;
}

/**
 * How many bits of a damaged id may differ from the original id. The ids of two different records differ in many more
 * bits.
 */
const MOST_FLIPPED_BITS = 8;

/**
 * If an index and a page have almost the same id for the same rowid, both mean the same record. One of the two ids is
 * damaged, and the id of the page is used.
 */
function acceptFlippedIDs(connection: Connection, table: string): void {
  const differing = connection.all(
    `select cast(n.row_id as text) as at, n.id as named, t.id as found from ledger.named n
       join ledger.taken t on t.kind = n.kind and t.row_id = n.row_id
     where n.kind = ? and n.id <> t.id and n.id not in (select id from ${quoted(table)})`,
    table,
  );
  for (const { at, named, found } of differing) {
    if (typeof named !== "string" || typeof found !== "string" || !areNear(named, found)) continue;
    const sql = "update ledger.named set id = ? where kind = ? and row_id = cast(? as integer)";
    connection.run(sql, found, table, String(at));
  }
}

function areNear(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  if (a.length !== b.length) return false;
  let bits = 0;
  for (const [index, byte] of a.entries()) {
    for (let left = byte ^ (b[index] ?? 0); left > 0; left &= left - 1) bits += 1;
  }
  return bits <= MOST_FLIPPED_BITS;
}
