import { newRunID } from "../quarantine/run-id.ts";
import { applyPlan, STOPPED_BETWEEN, type Stopped } from "../repair/apply.ts";
import { addingRefusal } from "../repair/may-write.ts";
import type { PlannedSession } from "../repair/plan.ts";
import { isStopped, underLock } from "../repair/repair.ts";
import type { ReportedItem } from "../repair/reported-item.ts";
import {
  type Addition,
  type BroughtIn,
  moreOfSession,
  refusedItem,
  unreadSession,
  wholeSession,
} from "./brought-in.ts";
import { foldersOfStore, type HiddenSession, type Whereabouts } from "./hidden.ts";
import { isAddedSince } from "./incomplete.ts";
import { type KnownStores, openKnownStores, readPaths, type UnreadStore } from "./known-stores.ts";
import { type ListLimits, listLimits } from "./list-limits.ts";
import { type ColumnChange, detachChanges, planChanges, relinkChanges, unarchiveChanges } from "./relink.ts";
import {
  chosenSessions,
  isElsewhere,
  isWanted,
  namedSessions,
  notFound,
  type Refusal,
  type RescueInput,
  type RescueRequest,
  unknownSessions,
} from "./request.ts";
import { certainTargets, movedTargets, type Targets } from "./targets.ts";

export interface HiddenList extends Omit<Whereabouts, "unread"> {
  /** The file name of the database in which opencode shall show everything. */
  readonly target: string;
  readonly limits: ListLimits;
  /** The paths of other stores that could not be read, so they may have more sessions. */
  readonly unread: readonly string[];
  /** The same stores as in `unread`, with more facts about each. */
  readonly unreadStores: readonly UnreadStore[];
  /** The requested ids that are not among the sessions of opencode 1.x that could be read. */
  readonly notFound: readonly string[];
  /** The changes that `relink` and `unarchive` of the request would make. */
  readonly changes: readonly ColumnChange[];
  /** Why nothing may be added to this database; `null` if a rescue is possible. */
  readonly refusal: string | null;
}

export type Listing =
  | {
      readonly ok: true;
      readonly list: HiddenList;
      /** The ids of the sessions that the input named. */
      readonly sessionIDs: readonly string[];
      /** The requested ids that are certainly in no store. */
      readonly unknown: readonly string[];
      /** The paths of the stores that were read. */
      readonly stores: readonly string[];
    }
  | Refusal;

export interface RescueResult {
  /** The id of the run; `null` if nothing was changed. */
  readonly runID: string | null;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  readonly sessions: readonly BroughtIn[];
  readonly stopped: Stopped | null;
}

/** Lists the sessions that opencode does not show, and the changes that a request would make. Changes nothing. */
export async function listHidden(input: RescueInput, request: RescueRequest): Promise<Listing> {
  // The answer cannot say that the list was stopped halfway. So the signal is ignored. A caller that is stopped need
  // not wait for the answer.
  const { signal: _signal, ...withoutSignal } = input;
  const knowing = await openKnownStores(input.files, input.located, input.into, input.fromData ?? null);
  if (!knowing.ok) return knowing;
  const { stores } = knowing;
  try {
    const named = namedSessions(input, stores);
    if (!named.ok) return { ok: false, reason: "unknown", message: named.message };
    const sessionIDs = named.value;
    const found = await chosenSessions({ ...withoutSignal, sessionIDs }, stores);
    const planned = await changesFor({ ...input, sessionIDs }, stores, found, request);
    const hidden = input.countMessages === true ? await counted(found.hidden, stores) : found.hidden;
    if (!planned.ok) return { ok: false, reason: "unknown", message: planned.message };
    const limits = listLimits(stores.target, Date.now());
    const refusal = addingRefusal(stores.target.opened.origin);
    const unreadStores = [...stores.unread, ...found.unread];
    const unread = unreadStores.map(({ path }) => path);
    const { changes } = planned;
    const missing = notFound(sessionIDs, stores);
    const stated = { ...found, hidden, limits, unread, unreadStores, notFound: missing, changes, refusal };
    const list = { target: nameOf(stores), ...stated };
    return { ok: true, list, sessionIDs, unknown: unknownSessions(sessionIDs, stores), stores: readPaths(stores) };
  } finally {
    stores.close();
  }
}

/** Adds the number of messages to each hidden session. */
async function counted(hidden: readonly HiddenSession[], { target, others }: KnownStores): Promise<HiddenSession[]> {
  const found: HiddenSession[] = [];
  for (const session of hidden) {
    const holder = [target, ...others].find(({ index }) => index === session.store);
    const ids = await holder?.opened.store.conversations.messageIDs(session.sessionID).catch(() => null);
    found.push(ids == null ? session : { ...session, messages: ids.length });
  }
  return found;
}

/** Carries out a request. Each session is added in one transaction, and `restore` can undo everything as one run. */
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
  let isTargetOpen = true;
  const closeTarget = () => {
    if (isTargetOpen) stores.target.opened.store.close();
    isTargetOpen = false;
  };
  const runID = newRunID(Date.now());
  const apply = async (plan: readonly PlannedSession[]): Promise<Stopped | null> => {
    const dataDir = located.dataDir;
    const applied = await applyPlan({
      ...{ files, dataDir, stores: stores.opened, plan, runID, trigger: "cli", hostVersion: null, lock },
      ...(signal && { signal }),
    });
    result.manifests.push(...applied.manifests);
    for (const item of applied.items) result.items.push(item);
    return applied.stopped;
  };
  /** Adds one session. It is reported as added only if at least one of its rows was added. */
  const bring = async ({ planned, brought }: Extract<Addition, { refused: null }>): Promise<Stopped | null> => {
    const before = result.items.length;
    const failure = await apply([planned]);
    if (result.items.slice(before).some(({ action }) => action === "rescued")) result.sessions.push(brought);
    return failure;
  };
  const finished = (stopped: Stopped | null): RescueResult => ({
    ...result,
    runID: result.manifests.length > 0 ? runID : null,
    stopped,
  });
  try {
    const found = await chosenSessions(input, stores);
    const { hidden } = found;
    const wanted = await changesFor(input, stores, found, request);
    if (!wanted.ok) return finished({ kind: "refused", message: wanted.message });
    const changes = await planChanges(stores.target, wanted.changes, Date.now());
    const added = request.bringIn ? found.incomplete.filter((session) => isAddedSince(session, input.sessionIDs)) : [];
    const held = new Map<string, ReadonlySet<string>>();
    for (const { sessionID } of added) {
      held.set(sessionID, new Set(await stores.target.opened.store.conversations.messageIDs(sessionID)));
    }
    // The target database must be closed before it is written. A connection that reads the file as immutable may return
    // wrong data after the file has changed.
    closeTarget();
    const stopped = await apply(changes);
    if (stopped !== null || !request.bringIn) return finished(stopped);
    for (const session of added) {
      const reading = moreOfSession(stores, session, held.get(session.sessionID) ?? new Set());
      const addition = await reading.catch(unreadSession);
      if (addition.refused !== null) {
        const cause = session.database === undefined ? "legacy" : "other-database";
        result.items.push(refusedItem({ sessionID: session.sessionID, cause }, addition.refused));
        continue;
      }
      const failure = await bring(addition);
      if (failure !== null) return finished(failure);
    }
    const elsewhere = hidden.filter((session) => isWanted(session, request));
    for (const [index, session] of elsewhere.entries()) {
      const addition = await wholeSession(stores, session).catch(unreadSession);
      if (addition.refused !== null) {
        result.items.push(refusedItem(session, addition.refused));
        continue;
      }
      const failure = await bring(addition);
      if (failure !== null) return finished(failure);
      input.onProgress?.(index + 1, elsewhere.length);
    }
    return finished(null);
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return finished(STOPPED_BETWEEN);
    throw error;
  } finally {
    closeTarget();
    for (const { opened } of stores.others) opened.store.close();
  }
}

type Planned =
  | { readonly ok: true; readonly changes: readonly ColumnChange[] }
  | { readonly ok: false; readonly message: string };

async function changesFor(
  { files, sessionIDs }: RescueInput,
  { target }: KnownStores,
  { hidden, partlyShown }: Whereabouts,
  request: RescueRequest,
): Promise<Planned> {
  const { relink, unarchive } = request;
  const misplaced = [...hidden.filter((session) => !isElsewhere(session)), ...partlyShown];
  let targets: Targets = { ok: true, places: new Map() };
  if (relink === true) targets = { ok: true, places: certainTargets(misplaced) };
  else if (relink !== false) {
    targets = await movedTargets(target, misplaced, foldersOfStore(files, target), relink);
  }
  if (!targets.ok) return targets;
  const relinked = relinkChanges(target, targets.places, typeof relink === "boolean" ? null : relink);
  const isBroughtIn = (session: HiddenSession) => isWanted(session, request);
  const detached = relink === true ? detachChanges(hidden, target, sessionIDs, isBroughtIn) : [];
  const unarchived = unarchive ? unarchiveChanges([...hidden, ...partlyShown], target) : [];
  return { ok: true, changes: [...relinked, ...detached, ...unarchived] };
}

function nameOf({ target }: KnownStores): string {
  return (target.opened.description.database ?? "").replace(/^.*[\\/]/, "");
}
