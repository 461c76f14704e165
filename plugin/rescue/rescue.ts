import { join } from "node:path";
import { NOT_IMPORTED, SEVERAL_DATABASES } from "../faults/whereabouts.ts";
import { PRIVATE_FILE } from "../platform/durable.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { amount } from "../plural.ts";
import { newRunID } from "../quarantine/run-id.ts";
import { applyPlan, type ReportedItem, type Stopped } from "../repair/apply.ts";
import { writingRefusal } from "../repair/origin-words.ts";
import type { PlannedSession } from "../repair/plan.ts";
import { isStopped, underLock } from "../repair/repair.ts";
import type { Located } from "../stores/locate.ts";
import { destinationOf } from "./destination.ts";
import { findHidden, foldersOfStore, type HiddenSession, type Whereabouts } from "./hidden.ts";
import { importDocument } from "./import-file.ts";
import { additions, type IncompleteSession, isAdded } from "./incomplete.ts";
import { type KnownStores, openKnownStores } from "./known-stores.ts";
import { type ListLimits, listLimits } from "./list-limits.ts";
import { type Change, detachChanges, planChanges, relinkChanges, unarchiveChanges } from "./relink.ts";
import { type SessionRows, sessionRows } from "./session-rows.ts";
import { certainTargets, type Move, movedTargets, type Targets } from "./targets.ts";

export interface RescueInput {
  readonly files: FileSystem;
  readonly located: Located;
  /** Name of the database whose opencode is to show everything; `null` for the one that opencode opens by default. */
  readonly into: string | null;
  /** Another data directory, the sessions of which may be brought in; absent or `null` for none. */
  readonly fromData?: string | null;
  /** Only these sessions; empty for all. */
  readonly sessionIDs: readonly string[];
  readonly signal?: AbortSignal;
  /** Told after each session that was brought in. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** What is to be done for the hidden sessions. */
export interface RescueRequest {
  /** Bring in what only other stores have. */
  readonly bringIn: boolean;
  /** Bring in also what only an older copy of the database has, and may have been deleted since. */
  readonly bringInPutAside?: boolean;
  /** Set folders and projects right: by what is known for sure, or as the user says. */
  readonly relink: boolean | Move;
  readonly unarchive: boolean;
}

export interface HiddenList extends Whereabouts {
  /** The file name of the database. */
  readonly target: string;
  readonly limits: ListLimits;
  /** What `relink` and `unarchive` of a request would change. */
  readonly changes: readonly Change[];
  /** Why nothing of it can be done; `null`: it can. */
  readonly refusal: string | null;
}

export type Listing = { readonly ok: true; readonly list: HiddenList } | Refusal;

export interface Refusal {
  readonly ok: false;
  readonly reason: "none" | "unknown" | "unusable" | "refused";
  readonly message: string;
}

/** What came over of a session, and what did not. */
export interface BroughtIn extends Pick<SessionRows, "completed" | "leftOut"> {
  readonly sessionID: string;
  readonly messages: number;
  readonly parts: number;
  readonly todos: number;
}

export interface RescueResult {
  /** `null` where nothing was done. */
  readonly runID: string | null;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  readonly sessions: readonly BroughtIn[];
  readonly stopped: Stopped | null;
}

/** Lists what the opencode of a database does not show, and what a request would change. Changes nothing. */
export async function listHidden(input: RescueInput, request: RescueRequest): Promise<Listing> {
  const knowing = await openKnownStores(input.files, input.located, input.into, input.fromData ?? null);
  if (!knowing.ok) return knowing;
  const { stores } = knowing;
  try {
    const found = await chosen(input, stores);
    const planned = await changesFor(input, stores, found, request);
    if (!planned.ok) return { ok: false, reason: "unknown", message: planned.message };
    const limits = listLimits(stores.target, Date.now());
    const refusal = writingRefusal(stores.target.opened.origin);
    return { ok: true, list: { target: nameOf(stores), ...found, limits, changes: planned.changes, refusal } };
  } finally {
    stores.close();
  }
}

/** Does what a request says, each session in one transaction, under one run that `restore` undoes. */
export async function rescue(input: RescueInput, request: RescueRequest): Promise<RescueResult> {
  const where = { files: input.files, located: input.located, access: "outside" as const };
  const outcome = await underLock(where, (lock) => rescueUnderLock(input, request, lock));
  return isStopped(outcome) ? { runID: null, manifests: [], items: [], sessions: [], stopped: outcome } : outcome;
}

async function rescueUnderLock(
  input: RescueInput,
  request: RescueRequest,
  lock: Parameters<typeof applyPlan>[0]["lock"],
): Promise<RescueResult> {
  const { files, located, signal } = input;
  const knowing = await openKnownStores(files, located, input.into, input.fromData ?? null);
  const result = { manifests: [] as string[], items: [] as ReportedItem[], sessions: [] as BroughtIn[] };
  if (!knowing.ok) return { ...result, runID: null, stopped: { kind: "refused", message: knowing.message } };
  const { stores } = knowing;
  const runID = newRunID(Date.now());
  const apply = async (plan: readonly PlannedSession[]): Promise<Stopped | null> => {
    const dataDir = located.dataDir;
    const applied = await applyPlan({
      ...{ files, dataDir, stores: stores.opened, plan, runID, trigger: "cli", hostVersion: null, lock },
      ...(signal && { signal }),
    });
    result.manifests.push(...applied.manifests);
    result.items.push(...applied.items);
    return applied.stopped;
  };
  const finished = (stopped: Stopped | null): RescueResult => ({
    ...result,
    runID: result.manifests.length > 0 ? runID : null,
    stopped,
  });
  try {
    const found = await chosen(input, stores);
    const { hidden } = found;
    const wanted = await changesFor(input, stores, found, request);
    if (!wanted.ok) return finished({ kind: "refused", message: wanted.message });
    const changes = await planChanges(stores.target, wanted.changes, Date.now());
    const added = request.bringIn ? found.incomplete.filter((session) => isAdded(session, input.sessionIDs)) : [];
    const held = new Map<string, ReadonlySet<string>>();
    for (const { sessionID } of added) {
      held.set(sessionID, new Set(await stores.target.opened.store.conversations.messageIDs(sessionID)));
    }
    // From here on it is written: a view of the database that others change shows anything.
    stores.target.opened.store.close();
    const stopped = await apply(changes);
    if (stopped !== null || !request.bringIn) return finished(stopped);
    for (const session of added) {
      const { planned, brought } = await complete(stores, session, held.get(session.sessionID) ?? new Set());
      const failure = await apply([planned]);
      result.sessions.push(brought);
      if (failure !== null) return finished(failure);
    }
    const elsewhere = hidden.filter((session) => isWanted(session, request));
    for (const [index, session] of elsewhere.entries()) {
      const { planned, brought, refused } = await bringIn(stores, session);
      if (refused !== null) {
        result.items.push(refusedItem(session, refused));
        continue;
      }
      const failure = await apply([planned]);
      if (result.items.some((item) => item.sessionID === session.sessionID && item.action === "rescued")) {
        result.sessions.push(brought);
      }
      if (failure !== null) return finished(failure);
      input.onProgress?.(index + 1, elsewhere.length);
    }
    return finished(null);
  } finally {
    for (const { opened } of stores.others) opened.store.close();
  }
}

async function chosen(input: RescueInput, { target, others }: KnownStores): Promise<Whereabouts> {
  const { hidden, partlyShown, incomplete, unjudged } = await findHidden(input.files, target, others);
  const { sessionIDs } = input;
  const isChosen = ({ sessionID }: Pick<HiddenSession, "sessionID">) =>
    sessionIDs.length === 0 || sessionIDs.includes(sessionID);
  return {
    hidden: hidden.filter(isChosen),
    partlyShown: partlyShown.filter(isChosen),
    incomplete: incomplete.filter(isChosen),
    unjudged,
  };
}

type Planned =
  | { readonly ok: true; readonly changes: readonly Change[] }
  | { readonly ok: false; readonly message: string };

async function changesFor(
  { files, sessionIDs }: RescueInput,
  { target }: KnownStores,
  { hidden, partlyShown }: Whereabouts,
  { relink, unarchive }: RescueRequest,
): Promise<Planned> {
  const misplaced = [...hidden.filter((session) => !isElsewhere(session)), ...partlyShown];
  let targets: Targets = { ok: true, places: new Map() };
  if (relink === true) targets = { ok: true, places: certainTargets(misplaced) };
  else if (relink !== false) {
    targets = await movedTargets(target, misplaced, foldersOfStore(files, target), relink);
  }
  if (!targets.ok) return targets;
  const relinked = relinkChanges(target, targets.places, typeof relink === "boolean" ? null : relink);
  const detached = relink === true ? detachChanges(hidden, target, sessionIDs) : [];
  return { ok: true, changes: [...relinked, ...detached, ...(unarchive ? unarchiveChanges(hidden, target) : [])] };
}

/** The rows of a session of another store, as the target takes them. */
async function readRows(
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

/** The messages that a session of the target lacks, as operations on it. */
async function complete(
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

async function bringIn(
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

function refusedItem({ sessionID, cause }: HiddenSession, reason: string): ReportedItem {
  const code = codeOf(cause);
  return { id: "", sessionID, recordID: sessionID, kind: "session", code, action: "skipped", reason };
}

export interface Exported extends BroughtIn {
  /** Name of the file in the folder. */
  readonly file: string;
  /** The folder to run `opencode import` in: it gives the session to the project of that. */
  readonly directory: string | null;
}

export type Exporting =
  | {
      readonly ok: true;
      readonly sessions: readonly Exported[];
      /** `false`: stopped by its signal before all were written. */
      readonly isComplete: boolean;
    }
  | Refusal;

/**
 * Writes what only other stores have as files that `opencode import` takes, into a folder that is there. Nothing else is
 * changed. `opencode import` itself takes no todos.
 */
export async function exportHidden(input: RescueInput, folder: string): Promise<Exporting> {
  const { files, located, into, onProgress } = input;
  const knowing = await openKnownStores(files, located, into, input.fromData ?? null);
  if (!knowing.ok) return knowing;
  const { stores } = knowing;
  try {
    const elsewhere = (await chosen(input, stores)).hidden.filter(isElsewhere);
    const sessions: Exported[] = [];
    for (const session of elsewhere) {
      if (input.signal?.aborted) break;
      const { rows, brought } = await readRows(stores, session);
      const file = `${session.sessionID.replace(/[^A-Za-z0-9_-]/g, "_")}.json`;
      const text = Buffer.from(`${JSON.stringify(importDocument(rows), null, 2)}\n`);
      await files.writeNew(join(folder, file), text, PRIVATE_FILE);
      sessions.push({ ...brought, file, directory: session.directory });
      onProgress?.(sessions.length, elsewhere.length);
    }
    return { ok: true, sessions, isComplete: sessions.length === elsewhere.length };
  } finally {
    stores.close();
  }
}

/** Whether a session is in no place that the target's opencode looks at. */
export function isElsewhere({ cause }: Pick<HiddenSession, "cause">): boolean {
  return cause === "legacy" || cause === "other-database" || cause === "put-aside";
}

/** Whether a request brings a session in. */
export function isWanted(
  session: Pick<HiddenSession, "cause">,
  { bringIn, bringInPutAside = false }: Pick<RescueRequest, "bringIn" | "bringInPutAside">,
): boolean {
  return bringIn && isElsewhere(session) && (session.cause !== "put-aside" || bringInPutAside);
}

function nameOf({ target }: KnownStores): string {
  return (target.opened.description.database ?? "").replace(/^.*[\\/]/, "");
}
