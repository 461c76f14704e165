import { NO_WORKTREE } from "../hosts/folder-paths.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { Loss, TableLoss } from "./losses.ts";

/** How much of one session was saved, and how much was lost. */
export interface SessionOutcome {
  readonly sessionID: string;
  readonly messages: number;
  readonly parts: number;
  /**
   * Messages that an index or another record mentions, but that were found nowhere. A rebuilt message counts as lost
   * too.
   */
  readonly lostMessages: number;
  readonly lostParts: number;
  /** Lost rows of other tables, such as the event log and todos. */
  readonly lostOthers: number;
  /** Records that the damage had cut off. Each was saved up to that point, and its JSON was closed there. */
  readonly cutRecords: number;
  /** Whether the numbers of lost messages, parts and events are exact. If not, at least this many are lost. */
  readonly isCounted: boolean;
  /** Whether the row of the session itself was lost and had to be rebuilt. */
  readonly isRebuilt: boolean;
  /** `false` if the row of the session was rebuilt and the session's folder is unknown. */
  readonly hasFolder: boolean;
  /** Whether every record of the session was saved unchanged. */
  readonly isWhole: boolean;
}

export interface LossesOfAll {
  /** Sessions that were lost completely. */
  readonly lostSessions: Loss;
  /** Lost records that belong to an unknown session. */
  readonly lostOfUnknown: { readonly messages: number; readonly parts: number };
  /** How many rows were lost, for each table. Rows that belong to no session are included. */
  readonly lostRows: Readonly<Record<string, number>>;
}

/** The facts from which the outcome of each session is computed. */
interface Known {
  /** The sessions whose own row was saved. */
  readonly before: ReadonlySet<string>;
  readonly losses: readonly TableLoss[];
  /** For each session: how many lost messages are mentioned only by their parts. */
  readonly unnamed: ReadonlyMap<string, number>;
  /** For each session: how many records were cut off. */
  readonly cut: ReadonlyMap<string, number>;
  readonly logIsWhole: boolean;
}

/**
 * For each session: how many lost messages are mentioned by parts, but by no index. The ledger must be attached to
 * `connection`.
 */
export function unnamedMessages(connection: Connection): ReadonlyMap<string, number> {
  // An id that does not have the full form was partly overwritten, and does not prove that a message existed.
  const rows = connection.all(`select session_id as id, count(distinct message_id) as n from part
    where message_id not in (select id from message) and length(message_id) = 30 and message_id glob 'msg_*'
      and substr(message_id, 5) not glob '*[^0-9A-Za-z]*'
      and message_id not in (select id from ledger.named where kind = 'message' and sources > 0 and id is not null)
    group by 1`);
  return new Map(rows.map((row) => [String(row.id), Number(row.n)]));
}

/** A session is complete only if every row of these tables is counted. */
const COUNTED = ["message", "part", "event"];

/** Computes for each session what was saved and what was lost. */
export function outcomesOf(connection: Connection, known: Known): SessionOutcome[] {
  const { before, losses, unnamed, cut, logIsWhole } = known;
  const tally = (sql: string) => new Map(connection.all(sql).map((row) => [String(row.id), Number(row.n)]));
  const messages = tally("select session_id as id, count(*) as n from message group by 1");
  const parts = tally("select session_id as id, count(*) as n from part group by 1");
  return connection.all("select id, directory from session order by id").map((row) => {
    const sessionID = String(row.id);
    const lost = losses.map(({ table, ofSession }) => ({ table, ...ofSession(sessionID) }));
    const of = (table: string) => lost.find((loss) => loss.table === table)?.count ?? 0;
    // If all messages are counted, no message is missing. A part that mentions an unknown message then has a damaged
    // id.
    const messagesAreCounted = lost.some(({ table, isCounted }) => table === "message" && isCounted);
    const lostMessages = of("message") + (messagesAreCounted ? 0 : (unnamed.get(sessionID) ?? 0));
    const lostParts = of("part");
    const lostOthers = lost.reduce((sum, { count }) => sum + count, 0) - of("message") - lostParts;
    const cutRecords = cut.get(sessionID) ?? 0;
    const isCounted = logIsWhole && lost.every(({ table, isCounted }) => isCounted || !COUNTED.includes(table));
    const isRebuilt = !before.has(sessionID);
    return {
      sessionID,
      messages: messages.get(sessionID) ?? 0,
      parts: parts.get(sessionID) ?? 0,
      lostMessages,
      lostParts,
      lostOthers,
      cutRecords,
      isCounted,
      isRebuilt,
      hasFolder: !isRebuilt || row.directory !== NO_WORKTREE,
      isWhole: isCounted && !isRebuilt && lostMessages + lostParts + lostOthers + cutRecords === 0,
    };
  });
}

/** The losses that cannot be assigned to a saved session. */
export function lossesOfAll(
  sessions: readonly SessionOutcome[],
  losses: readonly TableLoss[],
  logIsWhole: boolean,
): LossesOfAll {
  const there = new Set(sessions.map(({ sessionID }) => sessionID));
  const lost = (table: string) => losses.find((loss) => loss.table === table);
  const named = new Set(["session", "message", "part"].flatMap((table) => lost(table)?.sessionIDs ?? []));
  const gone = [...named].filter((id) => !there.has(id)).length;
  const all = lost("session")?.all ?? { count: 0, isCounted: false };
  const ofUnknown = (table: string) => lost(table)?.ofUnknown ?? 0;
  return {
    // A lost row without an id may be the row of a session that other rows mention.
    lostSessions: { count: gone, isCounted: logIsWhole && all.isCounted && ofUnknown("session") === 0 },
    lostOfUnknown: { messages: ofUnknown("message"), parts: ofUnknown("part") },
    lostRows: Object.fromEntries(losses.flatMap(({ table, all: { count } }) => (count > 0 ? [[table, count]] : []))),
  };
}
