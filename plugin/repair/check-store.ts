import { hostLine } from "../hosts/store-line.ts";
import { locatorText } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { Located } from "../stores/locate.ts";
import { openStores, problemOf } from "../stores/open.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { addCounts, type Counts, noCounts, type Scope, type SessionEntry, type Store } from "../stores/store.ts";
import type { Survey } from "../stores/survey.ts";
import { byOrigin } from "./by-origin.ts";
import type { CheckedStore, CheckInput } from "./check-input.ts";
import { databaseFinding } from "./database-finding.ts";
import { halfOf2x, withHalf2x } from "./half-2x.ts";
import { type InspectOptions, inspectScope } from "./inspect-scope.ts";
import { originOfDamaged, originOfRead, unreadFindings } from "./origin-findings.ts";
import { logFindings, wholeStoreFindings } from "./whole-store.ts";

/**
 * A database is read again if it changes while SQLite reads it as an immutable file. At most this many readings are
 * made.
 */
const MOST_READINGS = 4;

/** How many records of the present store were read so far. Each new reading starts at zero. */
export interface ReadSoFar {
  counts: Counts;
}

export interface CheckProgress {
  /** How many records were read in the stores that are finished. */
  readonly counts: Counts;
  readonly reading: ReadSoFar;
}

export function openLocated(input: CheckInput, located: Located): Promise<OpenedStore[]> {
  return openStores(input.files, located, input.access ?? "outside", input.hostVersion ?? null);
}

export interface StoreAnswer {
  readonly store: CheckedStore;
  readonly findings: readonly ConfirmedFinding[];
  /** The sessions of the store, if all of them were checked; otherwise `null`. */
  readonly sessions: readonly SessionEntry[] | null;
}

/**
 * Checks one store and closes it. If another process wrote to the store in the meantime, the store is checked again.
 */
export async function checkStore(
  opened: OpenedStore,
  index: number,
  input: CheckInput,
  progress: CheckProgress,
  unknown: Set<string>,
): Promise<StoreAnswer> {
  if (opened.state === "unusable") {
    return { store: opened, findings: [databaseFinding(opened.problem, opened.description, index)], sessions: null };
  }
  const access = input.access ?? "outside";
  if (opened.state === "unread") {
    return checkUnread(opened, index, input, progress, unknown);
  }
  const { description } = opened;
  let current: OpenedStore = opened;
  try {
    for (let reading = 1; ; reading += 1) {
      if (current.state !== "ok") break;
      const own = noCounts();
      progress.reading.counts = own;
      const whole = input.sessionIDs.length === 0;
      const isUnread = isLeftBehind(description, input.located);
      const { store } = current;
      // If checking the pages of the database fails, the reason is mostly found while the records are read.
      let failure: unknown = null;
      const survey = once(async () =>
        whole && !isUnread
          ? surveyed(store, input).catch((error: unknown) => {
              failure = error;
              return null;
            })
          : null,
      );
      const read = await readStore(current, index, { ...input, meanwhile: survey }, own, unknown);
      const answer = await survey();
      const isTold = description.database === undefined || read.some(({ kind }) => kind === "database");
      const isUntold = failure !== null && input.signal?.aborted !== true && !isTold;
      const found = isUntold ? [...read, databaseFinding(problemOf(failure), description, index)] : read;
      // Nobody waits for the answer any more, and the next steps would read large files without a pause.
      if (input.signal?.aborted)
        return { store: { description, state: "ok", origin: current.origin }, findings: [], sessions: null };
      const around = answer === null ? [] : await wholeStoreFindings(input.files, current, index, answer, own.bytes);
      // Inside opencode, this tool must not open the files of the database. Closing such a file would drop the locks of
      // opencode's own SQLite.
      const log = whole && input.access !== "beside-host" ? await logFindings(description, index) : [];
      const sessions = whole ? await current.store.sessions(null) : null;
      const origin = await originOfRead(current, [...around, ...log], access);
      const of2x = await halfOf2x(current, origin, index, input);
      if ((await current.unchanged()) || reading === MOST_READINGS) {
        progress.reading.counts = noCounts();
        addCounts(progress.counts, own);
        const apart = origin?.kind === "1.x and 2.x" ? await missingIn2x(current, index, input) : [];
        const of1x = [...byOrigin(origin, [...found, ...around, ...log], input.hostVersion), ...apart];
        const findings = await withHalf2x(of2x, of1x, current, origin, index, unknown);
        const counted = of2x === null ? {} : { of2x: { ...of2x.counts, unread: of2x.unread } };
        return { store: { description, state: "ok", origin, ...counted }, findings, sessions };
      }
      current.store.close();
      current = await reopen(current, input);
    }
    return { store: current, findings: [databaseFinding(current.problem, description, index)], sessions: null };
  } catch (error) {
    if (description.database === undefined) throw error;
    const found = [databaseFinding(problemOf(error), description, index)];
    const origin = opened.origin === null ? null : await originOfDamaged(description, opened.origin, found, access);
    return { store: { description, state: "unusable", origin }, findings: byOrigin(origin, found), sessions: null };
  } finally {
    if (current.state === "ok") current.store.close();
  }
}

/**
 * Records that are only in the tables of opencode 1.x, in a database that opencode 2.x has upgraded. Not checked inside
 * opencode.
 */
async function missingIn2x(
  { store }: OpenedStore & { state: "ok" },
  index: number,
  { access, sessionIDs, signal }: CheckInput,
): Promise<ConfirmedFinding[]> {
  if (access === "beside-host") return [];
  const { missingIn2xFindings } = await import("./missing-in-2x.ts");
  return missingIn2xFindings(store, index, sessionIDs, signal);
}

/**
 * Checks a database that holds no records for opencode 1.x. The rows of 2.x are checked if the rules of that version
 * are known.
 */
async function checkUnread(
  opened: OpenedStore & { state: "unread" },
  index: number,
  input: CheckInput,
  progress: CheckProgress,
  unknown: Set<string>,
): Promise<StoreAnswer> {
  const { description, origin } = opened;
  const own = noCounts();
  progress.reading.counts = own;
  const of2x = await halfOf2x(opened, origin, index, input, own);
  progress.reading.counts = noCounts();
  const [unread, ...damage] = await unreadFindings(opened, index, input.access ?? "outside");
  if (of2x === null)
    return { store: opened, findings: unread === undefined ? [] : [unread, ...damage], sessions: null };
  addCounts(progress.counts, of2x.counts);
  const findings = await withHalf2x(of2x, damage, opened, origin, index, unknown);
  const counted = { ...of2x.counts, unread: of2x.unread };
  return { store: { description, state: "ok", origin, of2x: counted }, findings, sessions: null };
}

/** Checks the pages of a store. For a large database, another process does that if possible. */
async function surveyed(store: Store, { surveyAside, signal }: CheckInput): Promise<Survey | null> {
  const { source } = store;
  if (surveyAside !== undefined && source !== null && source !== "files") {
    const answer = await surveyAside(source, store.description, signal);
    if (answer !== null || signal?.aborted) return answer;
  }
  return store.survey();
}

/** Runs the work only once, and returns its result to every caller. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => {
    result ??= work();
    return result;
  };
}

async function reopen(store: OpenedStore, input: CheckInput): Promise<OpenedStore> {
  const { database, dataDir } = store.description;
  const located = { dataDir, json: "none" as const, databases: database === undefined ? [] : [database] };
  const [again] = await openLocated(input, located);
  return again ?? store;
}

async function readStore(
  opened: OpenedStore & { state: "ok" },
  storeIndex: number,
  input: CheckInput & { readonly meanwhile: () => unknown },
  counts: Counts,
  unknown: Set<string>,
): Promise<ConfirmedFinding[]> {
  let isLeftAlone: Promise<boolean> | null = null;
  const options = {
    concurrency: input.concurrency,
    counts,
    storeIndex,
    ...(input.signal && { signal: input.signal }),
    ...(input.access !== "beside-host" && {
      isLeftAlone: async () => {
        const { isLeftAlone: look } = await import("../remedies/close/in-use.ts");
        isLeftAlone ??= look(input.located);
        return isLeftAlone;
      },
    }),
  };
  if (input.sessionIDs.length === 0) {
    const missing = once(() => missingIn(opened, null, storeIndex, input.located));
    const meanwhile = async () => {
      await Promise.all([input.meanwhile(), missing()]);
    };
    const found = await inspectedForAsking(opened.store, { what: "everything" }, { ...options, meanwhile });
    if (input.signal?.aborted) return [];
    return [...found, ...others(await missing(), found)];
  }
  const known = new Set((await opened.store.sessions(null)).map((session) => session.id));
  const found: ConfirmedFinding[] = [];
  for (const sessionID of input.sessionIDs) {
    const missing = await missingIn(opened, [sessionID], storeIndex, input.located);
    if (!known.has(sessionID) && missing.length === 0) continue;
    unknown.delete(sessionID);
    const scope: Scope = { what: "session", sessionID };
    const inspected = await inspectedForAsking(opened.store, scope, options);
    found.push(...others(missing, inspected), ...inspected);
  }
  return found;
}

/**
 * Checks the records of a store or session, and marks those that could be rebuilt. A repair rebuilds a record only
 * after the user has agreed.
 */
async function inspectedForAsking(store: Store, scope: Scope, options: InspectOptions): Promise<ConfirmedFinding[]> {
  const found = await inspectScope(store, scope, options);
  if (found.length === 0) return found;
  const { withRebuilt } = await import("./rebuild.ts");
  return withRebuilt(store, found);
}

/**
 * Leaves out findings of missing records for two reasons. The database row of the record may already be reported as
 * damaged. Or the repair of another finding may restore the record, because the record's row only has a damaged id.
 */
function others(missing: readonly ConfirmedFinding[], found: readonly ConfirmedFinding[]): ConfirmedFinding[] {
  const said = new Set(found.flatMap(({ severity, locator }) => (severity === "blocking" ? locatorText(locator) : [])));
  const renamed = new Set([...found, ...missing].map((each) => `${each.kind} ${newID(each)}`));
  return missing.filter(
    ({ kind, recordID, locator }) => !said.has(locatorText(locator)) && !renamed.has(`${kind} ${recordID}`),
  );
}

/** The other id that a row gets; `null` if it keeps its own. */
function newID({ recordID, replacement }: ConfirmedFinding): string | null {
  const cell = replacement !== null && "cells" in replacement.content ? replacement.content.cells.get("id") : undefined;
  const id = cell !== undefined && "bytes" in cell ? Buffer.from(cell.bytes).toString("utf8") : null;
  return id === recordID ? null : id;
}

/**
 * Whether these files are left over from an import into a database. opencode no longer reads such files. The tool reads
 * them only because the database may lack some of their sessions.
 */
function isLeftBehind({ database }: StoreDescription, { databases }: Located): boolean {
  return database === undefined && databases.length > 0;
}

/**
 * Finds missing records that opencode's log names. Also finds sessions without a record by their messages, and messages
 * without a record by their parts.
 */
async function missingIn(
  { store, description }: OpenedStore & { state: "ok" },
  sessionIDs: readonly string[] | null,
  storeIndex: number,
  located: Located,
): Promise<ConfirmedFinding[]> {
  if (isLeftBehind(description, located)) return [];
  const { findMissing, findMessagesWithoutRecord, findSessionsWithoutRecord } = await import("./missing-records.ts");
  // If the log cannot be read, the cause is reported with the damaged records.
  const logged = hostLine(description).logsWrites
    ? await findMissing(store, sessionIDs, storeIndex).catch(() => [])
    : [];
  const known = new Set(logged.map(({ recordID }) => recordID));
  const bare = await findSessionsWithoutRecord(store, sessionIDs, storeIndex).catch(() => []);
  const loose = await findMessagesWithoutRecord(store, sessionIDs, storeIndex).catch(() => []);
  return [...logged, ...bare.filter(({ recordID }) => !known.has(recordID)), ...loose];
}
