import type { SessionFacts } from "../stores/conversation.ts";
import { placeOf } from "../stores/json/layout.ts";
import { openStores } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import type { SessionNames } from "../words/answers/sessions.ts";
import type { CommandContext } from "./context.ts";

type Reading = Pick<CommandContext, "files" | "located">;

/** A session as a store describes it, and the place of that store. */
export interface KnownSession extends SessionFacts {
  /** Absolute path of the database; absent for the JSON storage. */
  readonly database?: string;
}

/**
 * The sessions of every store that can be read: databases first, those of 1.x before those of 2.x. If several stores
 * have a session, the store that has the session's own record is used. This function does not report a store that
 * cannot be read, because the command itself does.
 */
export async function knownSessions({ files, located }: Reading): Promise<KnownSession[]> {
  const known = new Map<string, KnownSession>();
  const opened = await openStores(files, located, "outside").catch(() => []);
  const add = (facts: SessionFacts, database: string | undefined) => {
    if (known.get(facts.id)?.hasRecord === true || (known.has(facts.id) && !facts.hasRecord)) return;
    known.set(facts.id, { ...facts, ...(database === undefined ? {} : { database }) });
  };
  for (const store of opened) {
    if (store.state === "unusable") continue;
    const { database } = store.description;
    if (store.state === "ok") {
      for (const facts of await store.store.conversations.sessionFacts().catch(() => [])) add(facts, database);
    }
    for (const facts of (await listOf2x(store).catch(() => null)) ?? []) add(facts, database);
    if (store.state === "ok") store.store.close();
  }
  return [...known.values()];
}

/** The paths of the stores of this data directory: those that can be read, and those that cannot. */
export interface ReadableStores {
  readonly stores: readonly string[];
  readonly unread: readonly string[];
}

/**
 * The stores in which {@link knownSessions} looks. A store counts as unread too if it has sessions of an opencode whose
 * records this tool does not know.
 */
export async function readableStores({ files, located }: Reading): Promise<ReadableStores> {
  const opened = await openStores(files, located, "outside").catch(() => []);
  const stores: string[] = [];
  const unread: string[] = [];
  for (const store of opened) {
    const isRead =
      store.state !== "unusable" && (store.state === "ok" || (await listOf2x(store).catch(() => null)) !== null);
    (isRead ? stores : unread).push(placeOf(store.description));
    if (store.state === "ok") store.store.close();
  }
  return { stores, unread };
}

/**
 * The sessions in the tables of opencode 2.x; `null` if these were not read. The code for these tables is loaded only
 * if 2.x has used the database.
 */
async function listOf2x({
  half2x,
  origin,
}: Exclude<OpenedStore, { state: "unusable" }>): Promise<SessionFacts[] | null> {
  if (half2x === null || (origin?.kind !== "2.x" && origin?.kind !== "1.x and 2.x")) return null;
  const { sessionFacts2x } = await import("../show/copy-2x.ts");
  return sessionFacts2x(half2x, origin);
}

/** Sorts sessions: the newest first, those without a time last. */
export function newestSessionsFirst(sessions: readonly KnownSession[]): KnownSession[] {
  return [...sessions].sort((a, b) => (b.updatedMs ?? 0) - (a.updatedMs ?? 0) || (a.id < b.id ? -1 : 1));
}

/** The titles and dates of sessions, only for a terminal. Pipes and JSON documents get ids. */
export async function namesForScreen(
  context: Reading & Pick<CommandContext, "terminal" | "options">,
): Promise<SessionNames> {
  if (!context.terminal.isScreen || context.options.json) return new Map();
  return new Map((await knownSessions(context)).map((session) => [session.id, session]));
}
