import { basename } from "node:path";
import type { FileSystem } from "../platform/file-system.ts";
import { addingRefusal } from "../repair/may-write.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import { placeOf } from "../stores/json/layout.ts";
import { findSlugTrees } from "../stores/json/slug-tree.ts";
import { databasesIn, filesWithout, type Located } from "../stores/locate.ts";
import { openJson, openStores } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { databasesPutAside, otherData } from "../stores/put-aside.ts";
import { unreadable } from "../words/refusals.ts";

export type OpenStore = OpenedStore & { readonly state: "ok" };

/**
 * Where a store was found. `beside`: in the same data directory. `put-aside`: a copy of the database under another
 * name. `other-data`: in another data directory that the user named.
 */
export type FoundIn = "beside" | "put-aside" | "other-data";

/** A store, with a summary of its sessions and projects. */
export interface KnownStore {
  readonly index: number;
  readonly origin: FoundIn;
  readonly opened: OpenStore;
  readonly sessions: readonly SessionFacts[];
  readonly projects: readonly ProjectFacts[];
}

/** The database in which opencode shall show everything (`target`), and the other stores. */
export interface KnownStores {
  readonly target: KnownStore;
  readonly others: readonly KnownStore[];
  /** Stores that could not be read, so they may have more sessions. */
  readonly unread: readonly UnreadStore[];
  readonly opened: readonly OpenedStore[];
  close(): void;
}

export interface UnreadStore {
  readonly origin: FoundIn;
  /** The path of the database. For JSON files, the path of the data directory. */
  readonly path: string;
  readonly isFolder: boolean;
}

/** Called if a store fails while it is read. */
export type OnUnread = (store: KnownStore, error: unknown) => void;

/** How an answer names a store that could not be read. */
export function unreadStore({ origin, opened }: { origin: FoundIn; opened: OpenedStore }): UnreadStore {
  const { database, dataDir } = opened.description;
  return { origin, path: database ?? dataDir, isFolder: database === undefined };
}

/** The paths of the stores that were read: databases, and folders of JSON files. */
export function readPaths({ target, others }: KnownStores): string[] {
  return [target, ...others].map(({ opened: { description } }) => placeOf(description));
}

/** Names the store that has a session, for messages to the user. */
export interface Holder {
  /** The file name of the database; absent for JSON files. */
  readonly database?: string;
  /** The data directory of the store, if the user named it with `--from-data`; otherwise absent. */
  readonly dataDir?: string;
}

export function holderOf({ opened, origin }: KnownStore): Holder {
  const { database, dataDir } = opened.description;
  return {
    ...(database !== undefined && { database: basename(database) }),
    ...(origin === "other-data" && { dataDir }),
  };
}

/** Whether a store has no records that only opencode 2.x reads. */
export function isOf1xAlone({ opened }: KnownStore): boolean {
  return (opened.origin === null || opened.origin.kind === "1.x") && opened.sessionsOf2x() === 0;
}

/** Why the stores could not be opened. `no-room`: the disk has no space for a private copy of the database. */
export type Unknowing = "none" | "unknown" | "unusable" | "refused" | "no-room";

export type Knowing =
  | { readonly ok: true; readonly stores: KnownStores }
  | { readonly ok: false; readonly reason: Unknowing; readonly message: string };

/**
 * Opens every store for reading. `into` is the file name of the target database; `null` means the database that
 * opencode opens by default. `fromData` is another data directory to search, or `null`.
 */
export async function openKnownStores(
  files: FileSystem,
  located: Located,
  into: string | null,
  fromData: string | null,
): Promise<Knowing> {
  const { databases } = located;
  const path = into === null ? databases[0] : databases.find((each) => each === into || basename(each) === into);
  if (path === undefined) {
    return into === null
      ? { ok: false, reason: "none", message: NO_DATABASE }
      : { ok: false, reason: "unknown", message: "There is no database with that name in this data directory." };
  }
  const other = fromData === null ? null : await otherData(files, fromData, located);
  if (other?.ok === false) return { ok: false, reason: "unknown", message: other.message };
  const beside = await databasesBeside(files, located);
  const opened = await openStores(files, { ...located, databases: [...databases, ...beside] }, "outside");
  const origins: FoundIn[] = opened.map(() => "beside");
  const add = (more: readonly OpenedStore[], origin: FoundIn) => {
    opened.push(...more);
    origins.push(...more.map(() => origin));
  };
  add(await slugTrees(files, located), "beside");
  const copies = await databasesPutAside(files, located);
  add(await openStores(files, { ...located, json: "none", databases: copies }, "outside"), "put-aside");
  if (other !== null) {
    add(await openStores(files, other.located, "outside"), "other-data");
    add(await slugTrees(files, other.located), "other-data");
  }
  const close = () => {
    for (const store of opened) if (store.state === "ok") store.store.close();
  };
  try {
    const known: KnownStore[] = [];
    const unread: UnreadStore[] = [];
    const { lastingUnreadLog } = await import("../stores/sqlite/pages/write-ahead-log.ts");
    for (const [index, store] of opened.entries()) {
      const origin = origins[index] ?? "beside";
      // If another store cannot be read, the rescue continues with the stores that can be read.
      const facts = store.state === "ok" ? know(store, index, origin) : null;
      const found = store.description.database === path ? await facts : await facts?.catch(() => null);
      if (found != null) known.push(found);
      const { database } = store.description;
      const isWhole = found != null && (database === undefined || (await lastingUnreadLog(database)) === null);
      if (!isWhole && mayHoldSessions(store)) unread.push(unreadStore({ origin, opened: store }));
    }
    const target = known.find((each) => each.opened.description.database === path);
    if (target !== undefined) {
      return { ok: true, stores: { target, others: known.filter((each) => each !== target), unread, opened, close } };
    }
  } catch (error) {
    close();
    throw error;
  }
  close();
  const unread = opened.find(({ description }) => description.database === path);
  if (unread?.state === "unusable" && unread.problem.code === "no-room-for-copy") {
    return { ok: false, reason: "no-room", message: unread.problem.evidence };
  }
  const refusal = addingRefusal(unread?.origin ?? null);
  if (refusal !== null) return { ok: false, reason: "refused", message: refusal };
  return {
    ok: false,
    reason: "unusable",
    message: unreadable("database"),
  };
}

/**
 * If the environment variable `OPENCODE_DB` names the database, these are the databases that opencode would open
 * without it.
 */
export async function databasesBeside(
  files: FileSystem,
  { dataDir, databases, isDatabaseAlone }: Located,
): Promise<string[]> {
  return isDatabaseAlone === true ? [] : filesWithout(files, await databasesIn(files, dataDir), databases);
}

/** Problems of files that certainly have no session: an empty file, or the database of another program. */
const WITHOUT_SESSIONS: readonly string[] = ["database-empty", "other-program"];

function mayHoldSessions(store: OpenedStore): boolean {
  return store.state === "unusable" ? !WITHOUT_SESSIONS.includes(store.problem.code) : store.state === "ok";
}

async function slugTrees(files: FileSystem, { dataDir }: Located): Promise<OpenedStore[]> {
  const trees: OpenedStore[] = [];
  for (const tree of await findSlugTrees(files, dataDir)) {
    trees.push(await openJson(tree.files, tree.root, null, "outside", null, false));
  }
  return trees;
}

async function know(opened: OpenStore, index: number, origin: FoundIn): Promise<KnownStore> {
  const { store } = opened;
  return {
    index,
    opened,
    origin,
    sessions: await store.conversations.sessionFacts(),
    projects: await store.conversations.projectFacts(),
  };
}

const NO_DATABASE =
  "There is no database of opencode 1.2 or newer to which sessions could be added. If you use opencode 1.0 or 1.1, run `opencode-session-repair check` instead. If you upgraded, start the new opencode once, then run this command again.";
