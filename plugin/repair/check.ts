import { isFileLocator, locatorText } from "../model/artifact.ts";
import { type ConfirmedFinding, type Verdict, verdictOf } from "../model/finding.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { Located } from "../stores/locate.ts";
import { type Access, containerFault, type OpenedStore, openStores } from "../stores/open.ts";
import type { DatabaseSource } from "../stores/sqlite/driver.ts";
import type { Origin } from "../stores/sqlite/origin.ts";
import { addCounts, type Counts, noCounts, type Scope, type SessionEntry, type Store } from "../stores/store.ts";
import type { Survey } from "../stores/survey.ts";
import { byOrigin, leavesUnread, onlyReported } from "./by-origin.ts";
import { databaseFinding } from "./database-finding.ts";
import { type InspectOptions, inspect } from "./inspect.ts";
import { originFinding, originOfDamaged, originOfRead, unreadFindings } from "./origin-findings.ts";
import { writingRefusal } from "./origin-words.ts";
import { type Surveyed, storesBesideEachOther, surveyDataDir, surveyLog, surveyStore } from "./survey.ts";

export interface CheckInput {
  readonly files: FileSystem;
  readonly located: Located;
  /** Only these sessions; empty for all. */
  readonly sessionIDs: readonly string[];
  readonly concurrency: number;
  /** `outside` where it is not said. */
  readonly access?: Access;
  /** Of the host that loads the stores, where it is known. */
  readonly hostVersion?: string | null;
  readonly signal?: AbortSignal;
  /** Told every 200 ms how much was read so far. */
  readonly onProgress?: (counts: Readonly<Counts>) => void;
  /**
   * Surveys a large database in another process: SQLite looks at all pages in one step of several seconds, in which this
   * process would feel no signal. `null`: it could not, and it is done here.
   */
  readonly surveyAside?: (
    source: DatabaseSource,
    store: StoreDescription,
    signal: AbortSignal | undefined,
  ) => Promise<Survey | null>;
}

export interface CheckedStore {
  readonly description: StoreDescription;
  /** `unread`: of an opencode whose records this tool does not know. */
  readonly state: "ok" | "unread" | "unusable";
  /** Whose database it is; `null` of files, and where nothing tells. */
  readonly origin: Origin | null;
}

export interface CheckResult {
  /** Below which the paths of findings lie. */
  readonly dataDir: string;
  readonly stores: readonly CheckedStore[];
  readonly counts: Readonly<Counts>;
  readonly durationMs: number;
  readonly findings: readonly ConfirmedFinding[];
  readonly verdict: Verdict;
}

export type CheckOutcome =
  | { readonly ok: true; readonly result: CheckResult }
  /** `null`: stopped by its signal before all was looked at, so that nothing can be said. */
  | { readonly ok: false; readonly unknownSession: string | null };

const PROGRESS_MS = 200;

/** A database that is written while it is read as an immutable file is read again, this often at most. */
const MOST_READINGS = 4;

/** Checks every store of a data directory. Writes nothing: no file's bytes change and no file is left behind. */
export async function check(input: CheckInput): Promise<CheckOutcome> {
  const started = performance.now();
  const counts = noCounts();
  const reading: Reading = { counts: noCounts() };
  const unknown = new Set(input.sessionIDs);
  const tell = () => {
    const soFar = { ...counts };
    addCounts(soFar, reading.counts);
    input.onProgress?.(soFar);
  };
  const ticker = setInterval(tell, PROGRESS_MS);
  try {
    const opened = await open(input, input.located);
    const isWhole = input.sessionIDs.length === 0;
    const [answers, around] = await Promise.all([
      checkStores(opened, input, { counts, reading }, unknown),
      // It waits for the system more than it works.
      isWhole ? surveyDataDir(input.files, input.located, readable(opened), input.access !== "beside-host") : [],
    ]);
    if (input.signal?.aborted) return { ok: false, unknownSession: null };
    const stores = answers.map(({ store }) => store);
    const [unknownSession] = unknown;
    if (unknownSession !== undefined && stores.every((store) => store.state === "ok")) {
      return { ok: false, unknownSession };
    }
    const found = [...answers.flatMap((answer) => answer.findings), ...besideEachOther(answers), ...around];
    // Inside opencode nothing is asked: it has started.
    const findings =
      input.access === "beside-host" ? found : (await import("./access.ts")).withAccess(found, input.located);
    const verdict = verdictOf(findings, {
      // Where nothing was read, nothing is healthy.
      anyUnusable: stores.length === 0 || stores.some((store) => store.state === "unusable"),
      anyUnread: stores.some((store) => store.state === "unread" || leavesUnread(store.origin)),
    });
    const durationMs = Math.round(performance.now() - started);
    const { dataDir } = input.located;
    return { ok: true, result: { dataDir, stores, counts, durationMs, findings, verdict } };
  } finally {
    clearInterval(ticker);
  }
}

/** What was read of the store that is being read now. */
interface Reading {
  counts: Counts;
}

interface Progress {
  /** Of the stores that are done. */
  readonly counts: Counts;
  readonly reading: Reading;
}

async function checkStores(
  opened: readonly OpenedStore[],
  input: CheckInput,
  progress: Progress,
  unknown: Set<string>,
): Promise<StoreAnswer[]> {
  const answers: StoreAnswer[] = [];
  for (const [index, store] of opened.entries()) {
    const answer = await checkStore(store, index, input, progress, unknown);
    answers.push({ ...answer, findings: await besideDatabases(answer.findings, input) });
  }
  return answers;
}

function besideEachOther(answers: readonly StoreAnswer[]): ConfirmedFinding[] {
  const found = storesBesideEachOther(
    answers.flatMap(({ store: { description }, sessions }, index) =>
      sessions === null ? [] : [{ description, index, sessions }],
    ),
  );
  const [database] = answers.flatMap(({ store }) => (store.description.generation === "sqlite" ? [store] : []));
  // What helps is written to the database that opencode opens by default.
  return writingRefusal(database?.origin ?? null) === null ? found : found.map(onlyReported);
}

function readable(opened: readonly OpenedStore[]): Surveyed[] {
  return opened.flatMap(({ state, description }, index) => (state === "ok" ? [{ description, index }] : []));
}

/** Of files that cannot be read, a database beside them may have the records. */
async function besideDatabases(
  findings: readonly ConfirmedFinding[],
  input: CheckInput,
): Promise<readonly ConfirmedFinding[]> {
  const { databases } = input.located;
  if (databases.length === 0 || !findings.some(({ locator, seen }) => isFileLocator(locator) && seen !== null))
    return findings;
  const { withRows } = await import("./from-rows.ts");
  const opened = await open(input, { ...input.located, json: "none", databases });
  try {
    return await withRows(findings, opened);
  } catch {
    // What keeps a database from being read was found with the database.
    return findings;
  } finally {
    for (const store of opened) if (store.state === "ok") store.store.close();
  }
}

function open(input: CheckInput, located: Located): Promise<OpenedStore[]> {
  return openStores(input.files, located, input.access ?? "outside", input.hostVersion ?? null);
}

interface StoreAnswer {
  readonly store: CheckedStore;
  readonly findings: readonly ConfirmedFinding[];
  /** The sessions of a store that was looked at as a whole. */
  readonly sessions: readonly SessionEntry[] | null;
}

async function checkStore(
  opened: OpenedStore,
  index: number,
  input: CheckInput,
  progress: Progress,
  unknown: Set<string>,
): Promise<StoreAnswer> {
  if (opened.state === "unusable") {
    return { store: opened, findings: [databaseFinding(opened.diagnosis, opened.description, index)], sessions: null };
  }
  const access = input.access ?? "outside";
  if (opened.state === "unread") {
    return { store: opened, findings: await unreadFindings(opened, index, access), sessions: null };
  }
  const { description } = opened;
  let current: OpenedStore = opened;
  try {
    for (let reading = 1; ; reading += 1) {
      if (current.state !== "ok") break;
      const own = noCounts();
      progress.reading.counts = own;
      const whole = input.sessionIDs.length === 0;
      // What an import has left behind is looked at beside the database, not as if a host still read it.
      const isLeftBehind = description.generation === "json" && input.located.databases.length > 0;
      const { store } = current;
      // What cannot be surveyed is no finding: whatever keeps a record from loading is found with the records.
      const survey = once(async () => (whole && !isLeftBehind ? surveyed(store, input).catch(() => null) : null));
      const found = await readStore(current, index, { ...input, meanwhile: survey }, own, unknown);
      const answer = await survey();
      // Nobody wants the answer any more: what follows reads large files in one step.
      if (input.signal?.aborted)
        return { store: { description, state: "ok", origin: current.origin }, findings: [], sessions: null };
      const around = answer === null ? [] : await surveyStore(input.files, current, index, answer, own.bytes);
      // Inside the host no file of the database may be opened.
      const log = whole && input.access !== "beside-host" ? surveyLog(description, index) : [];
      const sessions = whole ? await current.store.sessions(null) : null;
      const origin = await originOfRead(current, [...around, ...log], access);
      if ((await current.unchanged()) || reading === MOST_READINGS) {
        progress.reading.counts = noCounts();
        addCounts(progress.counts, own);
        return {
          store: { description, state: "ok", origin },
          findings: [...originFinding(origin, description, index), ...byOrigin(origin, [...found, ...around, ...log])],
          sessions,
        };
      }
      current.store.close();
      current = await reopen(current, input);
    }
    return { store: current, findings: [databaseFinding(current.diagnosis, description, index)], sessions: null };
  } catch (error) {
    if (description.generation === "json") throw error;
    const [fault, evidence] = containerFault(error);
    const diagnosis = { fault, severity: "blocking", remedy: fault.remedy, evidence } as const;
    const found = [databaseFinding(diagnosis, description, index)];
    const origin = opened.origin === null ? null : await originOfDamaged(description, opened.origin, found, access);
    return { store: { description, state: "unusable", origin }, findings: byOrigin(origin, found), sessions: null };
  } finally {
    if (current.state === "ok") current.store.close();
  }
}

/** The survey of a store; that of a large database in another process, where there may be one. */
async function surveyed(store: Store, { surveyAside, signal }: CheckInput): Promise<Survey | null> {
  const { source } = store;
  if (surveyAside !== undefined && source !== null && source !== "files") {
    const answer = await surveyAside(source, store.description, signal);
    if (answer !== null || signal?.aborted) return answer;
  }
  return store.survey();
}

/** The same work whoever asks for it first, done once. */
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
  const [again] = await open(input, located);
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
    const lost = once(() => lostIn(opened, null, storeIndex, input.located));
    const meanwhile = async () => {
      await Promise.all([input.meanwhile(), lost()]);
    };
    const found = await inspectedForAsking(opened.store, { what: "everything" }, { ...options, meanwhile });
    if (input.signal?.aborted) return [];
    return [...found, ...others(await lost(), found)];
  }
  const known = new Set((await opened.store.sessions(null)).map((session) => session.id));
  const found: ConfirmedFinding[] = [];
  for (const sessionID of input.sessionIDs) {
    const lost = await lostIn(opened, [sessionID], storeIndex, input.located);
    if (!known.has(sessionID) && lost.length === 0) continue;
    unknown.delete(sessionID);
    const scope: Scope = { what: "session", sessionID };
    const inspected = await inspectedForAsking(opened.store, scope, options);
    found.push(...others(lost, inspected), ...inspected);
  }
  return found;
}

/** What a scope holds, with what could be made anew: whoever checks may be asked before it is repaired. */
async function inspectedForAsking(store: Store, scope: Scope, options: InspectOptions): Promise<ConfirmedFinding[]> {
  const found = await inspect(store, scope, options);
  if (found.length === 0) return found;
  const { withRebuilt } = await import("./rebuild.ts");
  return withRebuilt(store, found);
}

/** What is not said already of the same rows. */
function others(lost: readonly ConfirmedFinding[], found: readonly ConfirmedFinding[]): ConfirmedFinding[] {
  const said = new Set(found.flatMap(({ severity, locator }) => (severity === "blocking" ? locatorText(locator) : [])));
  return lost.filter(({ locator }) => !said.has(locatorText(locator)));
}

/** Records that are not there: as the log has them, else a session's as its messages state it. */
async function lostIn(
  { store, description }: OpenedStore & { state: "ok" },
  sessionIDs: readonly string[] | null,
  storeIndex: number,
  { databases }: Located,
): Promise<ConfirmedFinding[]> {
  // What an import has left behind is not read any more.
  if (description.generation === "json" && databases.length > 0) return [];
  const { findLost, findMessagesWithoutRecord, findSessionsWithoutRecord } = await import("./lost.ts");
  // What stands in the way of looking is found with the records.
  const logged = description.contract === "strict" ? await findLost(store, sessionIDs, storeIndex).catch(() => []) : [];
  const known = new Set(logged.map(({ recordID }) => recordID));
  const bare = await findSessionsWithoutRecord(store, sessionIDs, storeIndex).catch(() => []);
  const loose = await findMessagesWithoutRecord(store, sessionIDs, storeIndex).catch(() => []);
  return [...logged, ...bare.filter(({ recordID }) => !known.has(recordID)), ...loose];
}
