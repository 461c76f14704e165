import { NOT_IMPORTED, SEVERAL_DATABASES } from "../faults/whereabouts.ts";
import { amount } from "../plural.ts";
import type { ReportedItem } from "../repair/apply.ts";
import type { PlannedSession } from "../repair/plan.ts";
import { destinationOf } from "./destination.ts";
import type { HiddenSession } from "./hidden.ts";
import { additions, type IncompleteSession } from "./incomplete.ts";
import type { KnownStores } from "./known-stores.ts";
import { type SessionRows, sessionRows } from "./session-rows.ts";

/** What came over of a session, and what did not. */
export interface BroughtIn extends Pick<SessionRows, "completed" | "leftOut"> {
  readonly sessionID: string;
  readonly messages: number;
  readonly parts: number;
  readonly todos: number;
}

/** The rows of a session of another store, as the target takes them. */
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

/** The messages that a session of the target lacks, as operations on it. `held`: those that it has. */
export async function missingMessages(
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

/** A session of another store, as an operation on the target. `refused`: why the target does not take it. */
export async function wholeSession(
  stores: KnownStores,
  session: HiddenSession,
): Promise<{ readonly planned: PlannedSession; readonly brought: BroughtIn; readonly refused: string | null }> {
  const { sessionID, cause } = session;
  const { rows, brought } = await readRows(stores, session);
  const { messages, parts, todos, leftOut } = brought;
  const words = [amount(messages, "message"), amount(parts, "part"), amount(todos, "todo")].join(", ");
  const operation = {
    kind: "session" as const,
    sessionID,
    recordID: sessionID,
    locator: { table: "session", key: { id: sessionID } },
    code: codeOf(cause),
    evidence:
      leftOut.length === 0
        ? words
        : `${words}; ${amount(leftOut.length, "record")} left where ${leftOut.length === 1 ? "it is" : "they are"}`,
    remedy: "rescue" as const,
    seen: null,
    replacement: {
      source: cause === "legacy" ? "the JSON storage" : "another database",
      content: { rows: rows.rows },
    },
  };
  return {
    planned: { store: stores.target.index, sessionID, operations: [operation] },
    brought,
    refused: rows.refused,
  };
}

function codeOf(cause: HiddenSession["cause"]): string {
  return cause === "legacy" ? NOT_IMPORTED.code : SEVERAL_DATABASES.code;
}

/** The item of a session that the target does not take. */
export function refusedItem({ sessionID, cause }: HiddenSession, reason: string): ReportedItem {
  const code = codeOf(cause);
  return { id: "", sessionID, recordID: sessionID, kind: "session", code, action: "skipped", reason };
}
