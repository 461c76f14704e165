import { isFileLocator } from "../model/artifact.ts";
import { type ConfirmedFinding, isUnreadRecord, type Verdict, verdictOf } from "../model/finding.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { addCounts, type Counts, noCounts } from "../stores/store.ts";
import { storesBesideEachOther } from "./beside-each-other.ts";
import { leavesUnread, onlyReported } from "./by-origin.ts";
import type { CheckedStore, CheckInput, Expected } from "./check-input.ts";
import { type CheckProgress, checkStore, openLocated, type ReadSoFar, type StoreAnswer } from "./check-store.ts";
import { dataDirectoryFindings, folderFindings } from "./data-directory.ts";
import { addingRefusal } from "./may-write.ts";
import type { StoreAtIndex } from "./store-finding.ts";

export interface CheckResult {
  /** opencode's data directory. The paths in findings are relative to this folder. */
  readonly dataDir: string;
  readonly stores: readonly CheckedStore[];
  readonly counts: Readonly<Counts>;
  readonly durationMs: number;
  readonly findings: readonly ConfirmedFinding[];
  readonly verdict: Verdict;
  /** The requested sessions that are in no store that was read. They may be in a store that was not read. */
  readonly notFound: readonly string[];
}

export type CheckOutcome =
  | { readonly ok: true; readonly result: CheckResult }
  /** The requested session that no store has. `null` if a signal stopped the check before it was complete. */
  | { readonly ok: false; readonly unknownSession: string | null };

const PROGRESS_MS = 200;

/** Checks every store of a data directory. The check changes no file, and leaves no new file behind. */
export async function check(input: CheckInput): Promise<CheckOutcome> {
  const started = performance.now();
  const counts = noCounts();
  const reading: ReadSoFar = { counts: noCounts() };
  const unknown = new Set(input.sessionIDs);
  let expected: Expected = {};
  const tell = () => {
    const soFar = { ...counts };
    addCounts(soFar, reading.counts);
    input.onProgress?.(soFar, expected);
  };
  const ticker = setInterval(tell, PROGRESS_MS);
  try {
    const opened = await openLocated(input, input.located);
    const isWhole = input.sessionIDs.length === 0;
    if (isWhole && input.onProgress !== undefined) expected = await expectedOf(opened);
    const [answers, around] = await Promise.all([
      checkStores(opened, input, { counts, reading }, unknown),
      // The data directory and the stores are checked at the same time, because both checks mostly wait for the disk.
      isWhole
        ? dataDirectoryFindings(input.files, input.located, readable(opened), input.access !== "beside-host")
        : namedFolderFindings(opened, input),
    ]);
    if (input.signal?.aborted) return { ok: false, unknownSession: null };
    const stores = answers.map(({ store }) => store);
    const anyStoreUnread = stores.some(
      ({ state, origin, of2x }) => state === "unread" || (leavesUnread(origin) && of2x === undefined),
    );
    const [unknownSession] = unknown;
    if (unknownSession !== undefined && !anyStoreUnread && stores.every((store) => store.state === "ok")) {
      return { ok: false, unknownSession };
    }
    const all = [...answers.flatMap((answer) => answer.findings), ...besideEachOther(answers), ...around];
    const isOfFile = all.some(({ locator, remedy }) => isFileLocator(locator) && remedy !== "report");
    const found = isOfFile
      ? await (await import("./behind-links.ts")).reportedBehindLinks(input.files, input.located.dataDir, all)
      : all;
    // Inside opencode, file permissions are not checked: opencode has already started, so it may read its files.
    const findings =
      input.access === "beside-host" ? found : (await import("./access.ts")).withAccess(found, input.located);
    const verdict = verdictOf(findings, {
      // If no store could be read, the verdict must not be healthy.
      anyUnusable: stores.length === 0 || stores.some((store) => store.state === "unusable"),
      anyUnread: anyStoreUnread || findings.some(isUnreadRecord),
    });
    const durationMs = Math.round(performance.now() - started);
    const { dataDir } = input.located;
    return { ok: true, result: { dataDir, stores, counts, durationMs, findings, verdict, notFound: [...unknown] } };
  } finally {
    clearInterval(ticker);
  }
}

/** The approximate numbers of records in all stores, for the progress bar. */
async function expectedOf(opened: readonly OpenedStore[]): Promise<Expected> {
  const sum: { -readonly [Key in keyof Counts]?: number } = {};
  for (const store of opened) {
    const own: Expected = store.state === "ok" ? await store.store.expectedCounts().catch(() => ({})) : {};
    for (const key of ["sessions", "messages", "parts"] as const) {
      if (own[key] !== undefined) sum[key] = (sum[key] ?? 0) + own[key];
    }
  }
  return sum;
}

async function checkStores(
  opened: readonly OpenedStore[],
  input: CheckInput,
  progress: CheckProgress,
  unknown: Set<string>,
): Promise<StoreAnswer[]> {
  const answers: StoreAnswer[] = [];
  for (const [index, store] of opened.entries()) {
    const answer = await checkStore(store, index, input, progress, unknown);
    answers.push({ ...answer, findings: await besideDatabases(answer.findings, input) });
  }
  return answers;
}

/** Finds files and broken links in the place of the folders that the requested sessions need. */
async function namedFolderFindings(opened: readonly OpenedStore[], input: CheckInput): Promise<ConfirmedFinding[]> {
  const found = await folderFindings(input.files, input.located, readable(opened));
  if (found.length === 0) return found;
  const { concernsSessions } = await import("./no-folder.ts");
  const { dataDir } = input.located;
  return found.filter((finding) => concernsSessions(dataDir, finding, input.sessionIDs));
}

function besideEachOther(answers: readonly StoreAnswer[]): ConfirmedFinding[] {
  const found = storesBesideEachOther(
    answers.flatMap(({ store: { description }, sessions }, index) =>
      sessions === null ? [] : [{ description, index, sessions }],
    ),
  );
  const [database] = answers.flatMap(({ store }) => (store.description.database === undefined ? [] : [store]));
  // The remedy of these findings would add records to the database that opencode opens by default. If this tool must
  // not add records there, the findings get no remedy.
  return addingRefusal(database?.origin ?? null) === null ? found : found.map(onlyReported);
}

function readable(opened: readonly OpenedStore[]): StoreAtIndex[] {
  return opened.flatMap(({ state, description }, index) => (state === "ok" ? [{ description, index }] : []));
}

/** Looks for the records of unreadable files in the databases of the same data directory. */
async function besideDatabases(
  findings: readonly ConfirmedFinding[],
  input: CheckInput,
): Promise<readonly ConfirmedFinding[]> {
  const { databases } = input.located;
  if (databases.length === 0 || !findings.some(({ locator, seen }) => isFileLocator(locator) && seen !== null))
    return findings;
  const { unownedDiffsAsNotes, withRows } = await import("./from-rows.ts");
  const opened = await openLocated(input, { ...input.located, json: "none", databases });
  try {
    return await unownedDiffsAsNotes(await withRows(findings, opened), opened);
  } catch {
    // The check of the database itself has already reported why the database cannot be read.
    return findings;
  } finally {
    for (const store of opened) if (store.state === "ok") store.store.close();
  }
}
