import { createHash } from "node:crypto";
import type { NewRow } from "../model/replacement.ts";
import type { SessionFacts } from "../stores/conversation.ts";

/** How many characters of the old id a new id keeps: `ses_` and the time. So new ids sort like the old ids. */
const KEPT_OF_ID = 16;
const MADE = 14;

/** A hash of the messages that a session has in another store. Equal hashes mean equal states of the session. */
export function stateOf(messageIDs: Iterable<string>): string {
  return createHash("sha256")
    .update([...messageIDs].sort().join(" "))
    .digest("hex");
}

/**
 * The id of the separate session that is made from another store's state of a session. The same state always gets the
 * same id, so it is not added twice.
 */
export function ownID(id: string, state: string): string {
  const hash = createHash("sha256").update(`${state} ${id}`).digest("base64url").replace(/[-_]/g, "0");
  return `${id.slice(0, KEPT_OF_ID)}${hash.slice(0, MADE)}`;
}

/**
 * Changes the rows of a session into a separate session, next to the existing session with the same id. As in a fork by
 * opencode, every record gets a new id, references are updated, and the share is left out. The new session gets the
 * folder of the existing session. A pure function.
 */
export function ownSession(rows: readonly NewRow[], beside: SessionFacts, state: string, from: string): NewRow[] {
  const renamed = new Map<unknown, string>();
  for (const { table, values } of rows) {
    const isRecord = table === "message" || table === "part" || table === "session";
    if (isRecord) renamed.set(values.id, ownID(String(values.id), state));
  }
  const own = <T>(value: T): T | string => renamed.get(value) ?? value;
  return rows.flatMap((row): NewRow[] => {
    const { table, key, values } = row;
    if (table === "project") return [row];
    if (table === "session_share") return [];
    const changed: Record<string, NewRow["values"][string]> = { ...values };
    for (const column of ["id", "session_id", "message_id"]) {
      if (changed[column] !== undefined) changed[column] = own(changed[column]);
    }
    for (const column of ["data", "revert"]) {
      const text = changed[column];
      if (typeof text === "string") changed[column] = JSON.stringify(led(JSON.parse(text), own, values.session_id));
    }
    if (table === "session") Object.assign(changed, placed(values, beside, from));
    const keys = Object.entries(key).map(([name, value]): [string, string] => [name, own(value)]);
    return [{ table, key: Object.fromEntries(keys), values: changed }];
  });
}

function placed(values: NewRow["values"], { directory, path }: SessionFacts, from: string): NewRow["values"] {
  return {
    title: `${values.title ?? ""} (from ${from})`,
    ...(values.share_url === undefined ? {} : { share_url: null }),
    ...(directory === null ? {} : { directory }),
    ...(path === undefined ? {} : { path }),
  };
}

/**
 * Replaces each id of a renamed record inside a JSON value. The id of the session itself is kept, because no JSON value
 * of opencode refers to its own session.
 */
function led(value: unknown, own: (value: unknown) => unknown, sessionID: unknown): unknown {
  if (typeof value === "string") return value === sessionID ? value : own(value);
  if (Array.isArray(value)) return value.map((each) => led(each, own, sessionID));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, led(each, own, sessionID)]));
}
