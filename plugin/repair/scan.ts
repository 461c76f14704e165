import { availableParallelism } from "node:os";
import { looksHealthy, looksHealthyInPlace, looksHealthyThroughout } from "../faults/quick-look.ts";
import type { Artifact } from "../model/artifact.ts";
import { entryURL } from "../package-files.ts";
import { sizeNow } from "../platform/read-now.ts";
import { addCounts, type Counts, type ScanOptions, type Scope, type Store } from "../stores/store.ts";

/** The data that a worker thread needs to read its shares of a store. */
export interface ThreadTask {
  readonly source: NonNullable<Store["source"]>;
  readonly description: Store["description"];
  /** A counter in shared memory: the number of the next share that no thread has taken. */
  readonly next: SharedArrayBuffer;
  readonly shares: number;
}

/** The result after a thread has read one share. */
export interface ShareAnswer {
  readonly index: number;
  readonly suspects: readonly Artifact[];
  readonly counts: Counts;
}

/** A store that is smaller than this is read faster than a thread could start. */
const WORTH_THREADS_BYTES = 32 * 1024 * 1024;
const WORTH_THREADS_SESSIONS = 50;

/** With more threads than this, the threads would only wait for the same disk. */
const MOST_THREADS = 4;

/**
 * Each thread takes several shares, so that all threads end at about the same time. A larger store has more shares,
 * because garbage is collected after each share.
 */
const LEAST_SHARES = 32;
const SHARE_BYTES = 6 * 1024 * 1024;
const SHARE_SESSIONS = 32;

/** Reads records, and returns those that do not look healthy. Another function then examines them closely. */
export async function scanScope(store: Store, scope: Scope, options: ScanOptions): Promise<Artifact[]> {
  const suspects: Artifact[] = [];
  await store.scan(
    scope,
    (artifact, text, row) => {
      if (!looksHealthy(artifact, text, row, store.description)) suspects.push(artifact);
    },
    {
      ...options,
      isHealthy: (bundle) => looksHealthyThroughout(bundle, store.description),
      isHealthyFile: (artifact, text) => looksHealthyInPlace(artifact, text, store.description),
    },
  );
  return suspects;
}

/**
 * The garbage collector is started if the process uses more memory than this, because Bun would let the heap grow with
 * the store. It is not started again before `READ_BETWEEN_BYTES` were read. A check of 200,000 parts takes
 * approximately this much memory.
 */
const COLLECTED_FROM_BYTES = { json: 112 * 1024 * 1024, sqlite: 120 * 1024 * 1024 } as const;
const READ_BETWEEN_BYTES = 8 * 1024 * 1024;

/**
 * Returns a function that collects garbage when it is due. Call that function with the number of bytes read so far. Use
 * it only in a process that does no other work, because it stops the process for a moment.
 */
export async function garbageCollection({ generation }: Store["description"]): Promise<(bytes: number) => void> {
  const { collectGarbage } = await import("../platform/memory.ts");
  let collectedAt = 0;
  return (bytes) => {
    if (bytes - collectedAt < READ_BETWEEN_BYTES) return;
    if (process.memoryUsage.rss() < COLLECTED_FROM_BYTES[generation]) return;
    collectedAt = bytes;
    collectGarbage();
  };
}

/** Takes the next free share; `null` if all shares are taken. */
export function nextShare({ next, shares }: Pick<ThreadTask, "next" | "shares">): number | null {
  const index = Atomics.add(new Int32Array(next), 0, 1);
  return index < shares ? index : null;
}

/**
 * Reads a whole store. A large store is read by several threads, and this thread is one of them. `meanwhile` is other
 * work that this thread does while the other threads start.
 */
export async function scanWholeStore(
  store: Store,
  options: ScanOptions,
  meanwhile: () => unknown = () => undefined,
): Promise<Artifact[]> {
  const { source, description } = store;
  const shares = source === null ? null : await sharesOf(store, source);
  if (source === null || shares === null) return scanScope(store, { what: "everything" }, options);
  const cores = Math.min(options.concurrency, availableParallelism());
  const threads = threadsFor(cores, await sizeOf(store, source));
  const task: ThreadTask = { source, description, next: new SharedArrayBuffer(4), shares };
  const suspects: Artifact[] = [];
  const left = new Set(Array.from({ length: shares }, (_, index) => index));
  const others = Array.from({ length: threads - 1 }, () =>
    onThread(task, options, (answer) => {
      left.delete(answer.index);
      suspects.push(...answer.suspects);
      addCounts(options.counts, answer.counts);
    }),
  );
  const besides = Promise.resolve(meanwhile());
  // This work is awaited at the end of the function. If reading fails first, a failure of this work must not become an
  // unhandled rejection.
  besides.catch(() => undefined);
  const collect = await garbageCollection(description);
  const read = async (index: number) => {
    left.delete(index);
    suspects.push(...(await scanScope(store, { what: "everything", share: { index, of: shares } }, options)));
    collect(options.counts.bytes);
  };
  for (let index = nextShare(task); index !== null; index = nextShare(task)) await read(index);
  await Promise.all([...others, besides]);
  // If another thread could not start or read, this thread reads its share. So a failure of a thread loses no record.
  for (const index of left) if (!options.signal?.aborted) await read(index);
  return suspects;
}

/** Into how many shares a store is divided; `null` if the store is too small for several threads. */
async function sharesOf(store: Store, source: ThreadTask["source"]): Promise<number | null> {
  const isFiles = source === "files";
  const size = isFiles ? (await store.sessions(null)).length : sizeNow(source.path);
  if (size < (isFiles ? WORTH_THREADS_SESSIONS : WORTH_THREADS_BYTES)) return null;
  return Math.max(LEAST_SHARES, Math.ceil(size / (isFiles ? SHARE_SESSIONS : SHARE_BYTES)));
}

/**
 * Above this many bytes for each record, most of a database is events, and SQLite's check of the pages takes longer than
 * the scan of the records (measured: 0.8 ns for a byte, 6 us for a record).
 */
const MOSTLY_OTHER_BYTES = 8 * 1024;

/**
 * The number of threads for a scan. One core is left free if most bytes of a database do not belong to records. Another
 * process then checks the pages of the database, which takes longer than the scan of the records. `records` is 0 for
 * files.
 */
export function threadsFor(cores: number, store: { readonly bytes: number; readonly records: number }): number {
  const threads = Math.min(cores, MOST_THREADS);
  const isMostlyOther = store.records > 0 && store.bytes > MOSTLY_OTHER_BYTES * store.records;
  return Math.max(1, isMostlyOther ? threads - 1 : threads);
}

/** The size of a database and the approximate number of its records. */
async function sizeOf(store: Store, source: ThreadTask["source"]): Promise<{ bytes: number; records: number }> {
  if (source === "files") return { bytes: 0, records: 0 };
  const { messages = 0, parts = 0 } = await store.expectedCounts().catch((): Partial<Counts> => ({}));
  return { bytes: sizeNow(source.path), records: messages + parts };
}

/** Starts a thread. The promise resolves when the thread has ended, for any reason. */
async function onThread(
  task: ThreadTask,
  { signal }: ScanOptions,
  found: (answer: ShareAnswer) => void,
): Promise<void> {
  // The module is imported here, because the start of opencode must not load it. Inside opencode, this tool starts no
  // threads.
  const { Worker } = await import("node:worker_threads");
  if (signal?.aborted) return;
  return new Promise((resolve) => {
    try {
      const worker = new Worker(entryURL("repair/scan-thread"), { workerData: task });
      const stop = () => void worker.terminate();
      signal?.addEventListener("abort", stop, { once: true });
      worker.on("message", found);
      worker.once("error", () => resolve());
      worker.once("exit", () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
    } catch {
      resolve();
    }
  });
}
