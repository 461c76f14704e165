import { NOT_IMPORTED, SEVERAL_DATABASES } from "../faults/whereabouts.ts";
import type { NewRow } from "../model/replacement.ts";
import { stoppedBy } from "../repair/apply.ts";
import type { PlannedSession } from "../repair/plan.ts";
import type { ReportedItem } from "../repair/reported-item.ts";
import type { Operation } from "../stores/writer.ts";
import { amount } from "../words/amounts.ts";
import { unreadable } from "../words/refusals.ts";
import { destinationOf } from "./destination.ts";
import type { HiddenSession } from "./hidden.ts";
import { additions, type IncompleteSession } from "./incomplete.ts";
import type { KnownStores } from "./known-stores.ts";
import { ownID, ownSession } from "./own-session.ts";
import { type SessionRows, sessionRows } from "./session-rows.ts";

/** What a rescue added for one session, and the records that it left out because opencode could not load them. */
export interface BroughtIn extends Pick<SessionRows, "completed" | "leftOut"> {
  readonly sessionID: string;
  /**
   * The id of the existing session, if the added session is another state of it. A rescue adds another store's state of
   * a session as a separate session.
   */
  readonly stateOf?: string;
  readonly messages: number;
  readonly parts: number;
  readonly todos: number;
}

/** Reads a session from another store, and returns its rows in the form that the target database accepts. */
export async function readRows(
  { target, others }: KnownStores,
  { sessionID, store, projectID }: Pick<HiddenSession, "sessionID" | "store" | "projectID">,
): Promise<{ readonly rows: SessionRows; readonly brought: BroughtIn }> {
  const source = others.find(({ index }) => index === store);
  const facts = source?.sessions.find(({ id }) => id === sessionID);
  if (source === undefined || facts === undefined) throw new TypeError("a hidden session is in no store");
  const columns = await source.opened.store.conversations.sessionColumns(sessionID);
  const messages = [];
  for await (const message of source.opened.store.conversations.messages(sessionID)) messages.push(message);
  const destination = destinationOf(target.opened.description, target.projects, columns, projectID);
  const rows = sessionRows({ facts, columns, messages }, destination);
  const count = (table: string) => rows.rows.filter((row) => row.table === table).length;
  const { completed, leftOut } = rows;
  const brought = {
    sessionID,
    messages: count("message"),
    parts: count("part"),
    todos: count("todo"),
    completed,
    leftOut,
  };
  return { rows, brought };
}

/** The operations that add a session to the target database. `refused` is the reason why nothing is added. */
export type Addition =
  | { readonly refused: null; readonly planned: PlannedSession; readonly brought: BroughtIn }
  | { readonly refused: string };

/**
 * Adds the missing part of a session from another store. If the other store has all messages that the target database
 * has, the missing messages are added. Otherwise the session of the other store is added as a separate session.
 */
export async function moreOfSession(
  stores: KnownStores,
  session: IncompleteSession,
  held: ReadonlySet<string>,
): Promise<Addition> {
  if (session.isContained) return { refused: null, ...(await missingMessages(stores, session, held)) };
  const { sessionID, state, database } = session;
  const beside = stores.target.sessions.find(({ id }) => id === sessionID);
  if (beside === undefined) throw new TypeError("the target database does not have the session");
  const { rows, brought } = await readRows(stores, { ...session, projectID: beside.projectID });
  if (rows.refused !== null) return { refused: rows.refused };
  const own = ownSession(rows.rows, beside, state, database ?? "storage/");
  const made = { ...brought, sessionID: ownID(sessionID, state), stateOf: sessionID };
  const cause = database === undefined ? "legacy" : "other-database";
  const operation = addition(made, cause, own);
  const planned = { store: stores.target.index, sessionID: made.sessionID, operations: [operation] };
  return { refused: null, planned, brought: made };
}

/**
 * The operations that add missing messages to an existing session. `held` are the ids of the messages that the target
 * database already has.
 */
async function missingMessages(
  stores: KnownStores,
  session: IncompleteSession,
  held: ReadonlySet<string>,
): Promise<{ readonly planned: PlannedSession; readonly brought: BroughtIn }> {
  const { sessionID } = session;
  const projectID = stores.target.sessions.find(({ id }) => id === sessionID)?.projectID ?? null;
  const { rows, brought } = await readRows(stores, { ...session, projectID });
  const operations = additions(session, rows.rows, held);
  const count = (kind: string) => operations.filter((operation) => operation.kind === kind).length;
  return {
    planned: { store: stores.target.index, sessionID, operations },
    brought: { ...brought, messages: count("message"), parts: count("part"), todos: 0 },
  };
}

/** The operation that adds a whole session of another store to the target database. */
export async function wholeSession(stores: KnownStores, session: HiddenSession): Promise<Addition> {
  const { sessionID, cause } = session;
  const { rows, brought } = await readRows(stores, session);
  if (rows.refused !== null) return { refused: rows.refused };
  const operations = [addition(brought, cause, rows.rows)];
  return { refused: null, planned: { store: stores.target.index, sessionID, operations }, brought };
}

/** The result if a store fails while a session is read from it: nothing of the session is added. */
export function unreadSession(error: unknown): Addition & { readonly refused: string } {
  // `stoppedBy` throws the error again if it is a bug in this tool and not a damaged store.
  stoppedBy(error);
  return { refused: unreadable("store") };
}

/** One operation for all rows of a session, so that they are added together and undone together. */
function addition(
  { sessionID, messages, parts, todos, leftOut }: BroughtIn,
  cause: HiddenSession["cause"],
  rows: readonly NewRow[],
): Operation {
  const words = [amount(messages, "message"), amount(parts, "part"), amount(todos, "todo")].join(", ");
  return {
    kind: "session",
    sessionID,
    recordID: sessionID,
    locator: { table: "session", key: { id: sessionID } },
    code: codeOf(cause),
    evidence:
      leftOut.length === 0
        ? words
        : `${words}; ${amount(leftOut.length, "record")} left where ${leftOut.length === 1 ? "it is" : "they are"}`,
    remedy: "rescue",
    seen: null,
    replacement: { source: cause === "legacy" ? "the JSON storage" : "another database", content: { rows } },
  };
}

function codeOf(cause: HiddenSession["cause"]): string {
  return cause === "legacy" ? NOT_IMPORTED.code : SEVERAL_DATABASES.code;
}

/** The reported result for a session that could not be added to the target database. */
export function refusedItem(
  { sessionID, cause }: Pick<HiddenSession, "sessionID" | "cause">,
  reason: string,
): ReportedItem {
  const code = codeOf(cause);
  return { id: "", sessionID, recordID: sessionID, kind: "session", code, action: "skipped", reason };
}
