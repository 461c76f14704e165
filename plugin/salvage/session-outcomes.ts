import { NO_WORKTREE } from "../hosts/folder-paths.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import type { Loss, TableLoss } from "./losses.ts";

/** The rows of one session: in the new database, and lost. */
export interface SessionOutcome {
  readonly sessionID: string;
  readonly messages: number;
  readonly parts: number;
  /**
   * Records that an index or another record names, and that were found nowhere. A rebuilt message counts as one of
   * these.
   */
  readonly lostMessages: number;
  readonly lostParts: number;
  /** Rows of other tables: the event log, todos … */
  readonly lostOthers: number;
  /** Records that were cut off, and closed at the cut. */
  readonly cutRecords: number;
  /** Whether the losses of its messages, parts and events are exact. `false`: at least this many are lost. */
  readonly isCounted: boolean;
  /** Whether the session's own row had to be rebuilt. */
  readonly isRebuilt: boolean;
  /** `false`: the session's row was rebuilt, and its folder is unknown. */
  readonly hasFolder: boolean;
  /** Whether every record of the session was saved unchanged. */
  readonly isWhole: boolean;
}

export interface LossesOfAll {
  /** Sessions of which no record is left. */
  readonly lostSessions: Loss;
  /** Lost records whose session is unknown. */
  readonly lostOfUnknown: { readonly messages: number; readonly parts: number };
  /** Lost rows by table, including rows that belong to no session. */
  readonly lostRows: Readonly<Record<string, number>>;
}

/** The known facts about losses, besides the rows. */
interface Known {
  /** Sessions whose own row was saved. */
  readonly before: ReadonlySet<string>;
  readonly losses: readonly TableLoss[];
  /** By session: messages that only their parts name. */
  readonly unnamed: ReadonlyMap<string, number>;
  /** By session: records that were cut off. */
  readonly cut: ReadonlyMap<string, number>;
  readonly logIsWhole: boolean;
}

/** By session: messages that only parts name, and no index. The ledger is attached. */
export function unnamedMessages(connection: Connection): ReadonlyMap<string, number> {
  // A partly overwritten id names no message.
  const rows = connection.all(`select session_id as id, count(distinct message_id) as n from part
    where message_id not in (select id from message) and length(message_id) = 30 and message_id glob 'msg_*'
      and substr(message_id, 5) not glob '*[^0-9A-Za-z]*'
      and message_id not in (select id from ledger.named where kind = 'message' and sources > 0 and id is not null)
    group by 1`);
  return new Map(rows.map((row) => [String(row.id), Number(row.n)]));
}

/** Every row of these tables must be accounted for before a session counts as complete. */
const COUNTED = ["message", "part", "event"];

/** The saved records of each session, and the number of its records that were found nowhere. */
export function outcomesOf(connection: Connection, known: Known): SessionOutcome[] {
  const { before, losses, unnamed, cut, logIsWhole } = known;
  const tally = (sql: string) => new Map(connection.all(sql).map((row) => [String(row.id), Number(row.n)]));
  const messages = tally("select session_id as id, count(*) as n from message group by 1");
  const parts = tally("select session_id as id, count(*) as n from part group by 1");
  return connection.all("select id, directory from session order by id").map((row) => {
    const sessionID = String(row.id);
    const lost = losses.map(({ table, ofSession }) => ({ table, ...ofSession(sessionID) }));
    const of = (table: string) => lost.find((loss) => loss.table === table)?.count ?? 0;
    // If the messages are counted, a part with an unknown message id has a damaged id.
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

/** The losses besides the saved sessions. */
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
    // A row without an id may belong to a session that other rows name.
    lostSessions: { count: gone, isCounted: logIsWhole && all.isCounted && ofUnknown("session") === 0 },
    lostOfUnknown: { messages: ofUnknown("message"), parts: ofUnknown("part") },
    lostRows: Object.fromEntries(losses.flatMap(({ table, all: { count } }) => (count > 0 ? [[table, count]] : []))),
  };
}
