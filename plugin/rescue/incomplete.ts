import { NOT_IMPORTED, SEVERAL_DATABASES } from "../faults/whereabouts.ts";
import type { CellValue } from "../model/artifact.ts";
import type { NewRow } from "../model/replacement.ts";
import { isFields, parseDocument } from "../stores/conversation.ts";
import type { Operation } from "../stores/writer.ts";
import { type Holder, holderOf, type KnownStore, type OnUnread } from "./known-stores.ts";
import { ownID, stateOf } from "./own-session.ts";

/** A session of the target database, if another store has more messages of this session. */
export interface IncompleteSession extends Holder {
  readonly sessionID: string;
  readonly title: string | null;
  /** The index of the store that has more messages. */
  readonly store: number;
  /** How many messages of the session the target database has. */
  readonly messages: number;
  /** How many readable messages only the other store has. */
  readonly more: number;
  /**
   * Whether the other store has all messages that this session has in the target database. If so, the missing messages
   * can be added to the session there.
   */
  readonly isContained: boolean;
  /** A hash of the message ids that the other store has. Equal hashes mean equal states of the session. */
  readonly state: string;
}

/**
 * Finds sessions that lack messages in the target database, although another store has these messages. There are three
 * possible reasons: an import lost them, the session was continued in the other store, or a user removed them with
 * undo. For each session, the store with the most messages is reported. Reads only.
 */
export async function findIncomplete(
  target: KnownStore,
  others: readonly KnownStore[],
  onUnread: OnUnread,
  signal?: AbortSignal,
): Promise<IncompleteSession[]> {
  const found = new Map<string, IncompleteSession>();
  const records = new Map(target.sessions.filter(({ hasRecord }) => hasRecord).map((facts) => [facts.id, facts]));
  for (const store of others) {
    const failed = (error: unknown) => {
      signal?.throwIfAborted();
      onUnread(store, error);
      return null;
    };
    for (const { id } of store.sessions) {
      signal?.throwIfAborted();
      const facts = records.get(id);
      if (facts === undefined) continue;
      const listed = await store.opened.store.conversations.messageIDs(id).catch(failed);
      if (listed === null) break;
      const theirs = new Set(listed);
      if (theirs.size === 0) continue;
      const ours = await target.opened.store.conversations.messageIDs(id);
      const missing = new Set([...theirs].filter((messageID) => !ours.includes(messageID)));
      if (missing.size === 0) continue;
      const state = stateOf(theirs);
      if (records.has(ownID(id, state))) continue;
      const more = await readable(store, id, missing).catch(failed);
      if (more === null) break;
      if (more === 0 || more <= (found.get(id)?.more ?? 0)) continue;
      found.set(id, {
        sessionID: id,
        title: facts.title,
        store: store.index,
        ...holderOf(store),
        messages: ours.length,
        more,
        isContained: ours.every((messageID) => theirs.has(messageID)),
        state,
      });
    }
  }
  return [...found.values()];
}

async function readable({ opened }: KnownStore, sessionID: string, wanted: ReadonlySet<string>): Promise<number> {
  let count = 0;
  for await (const { messageID, document } of opened.store.conversations.messages(sessionID)) {
    if (document === null || !wanted.has(messageID)) continue;
    const parsed = parseDocument(document);
    if (parsed.ok && isFields(parsed.value)) count += 1;
  }
  return count;
}

/**
 * Whether the messages of the other store are added: if the user names the session, or if the target has no message of
 * the session.
 */
export function isAddedSince({ sessionID, messages }: IncompleteSession, named: readonly string[]): boolean {
  return messages === 0 || named.includes(sessionID);
}

/**
 * Operations that add missing messages and parts, one for each row. Messages come before their parts. A pure function.
 */
export function additions(
  { sessionID, database }: IncompleteSession,
  rows: readonly NewRow[],
  ours: ReadonlySet<string>,
): Operation[] {
  const source = database === undefined ? "the JSON storage" : "another database";
  const code = database === undefined ? NOT_IMPORTED.code : SEVERAL_DATABASES.code;
  const missing = rows.filter(
    ({ table, values }) =>
      (table === "message" && !ours.has(String(values.id))) ||
      (table === "part" && !ours.has(String(values.message_id))),
  );
  const inOrder = [...missing].sort((a, b) => Number(a.table === "part") - Number(b.table === "part"));
  return inOrder.flatMap(({ table, key: { id }, values }): Operation[] => {
    if (id === undefined || (table !== "message" && table !== "part")) return [];
    const cells = new Map(Object.entries(values).map(([column, value]) => [column, cellOf(value)]));
    return [
      {
        kind: table,
        sessionID,
        recordID: id,
        locator: { table, key: { id } },
        code,
        evidence: `only in ${source}`,
        remedy: "rescue",
        seen: null,
        replacement: { source, content: { cells } },
      },
    ];
  });
}

function cellOf(value: NewRow["values"][string]): CellValue {
  if (value === null) return { storage: "null" };
  if (typeof value === "string") return { storage: "text", bytes: Buffer.from(value, "utf8") };
  if (typeof value === "number") return { storage: "integer", number: String(value) };
  return { storage: "blob", bytes: value };
}
