import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { looksHealthy, looksHealthyThroughout } from "../faults/quick-look.ts";
import type { Artifact } from "../stores/artifact.ts";
import type { Counts, ScanOptions, Scope, Share, Store } from "../stores/store.ts";
import { noCounts } from "../stores/store.ts";

/** What a thread needs to scan its share. */
export interface ThreadTask {
  readonly source: NonNullable<Store["source"]>;
  readonly description: Store["description"];
  readonly share: Share;
}

/** What a thread found. */
export interface ThreadAnswer {
  readonly suspects: readonly Artifact[];
  readonly counts: Counts;
}

/** Smaller databases are read before a thread would have started. */
const WORTH_THREADS_BYTES = 32 * 1024 * 1024;

/** More threads than this wait for the same disk. */
const MOST_THREADS = 4;

/** The artifacts of a scope that do not look healthy at once. */
export async function suspectsIn(store: Store, scope: Scope, options: ScanOptions): Promise<Artifact[]> {
  const suspects: Artifact[] = [];
  await store.scan(
    scope,
    (artifact, text, row) => {
      if (!looksHealthy(artifact, text, row, store.description)) suspects.push(artifact);
    },
    { ...options, isHealthy: (bundle) => looksHealthyThroughout(bundle, store.description) },
  );
  return suspects;
}

/** The same of a whole store; that of a large database on several threads, this one included. */
export async function suspectsEverywhere(store: Store, options: ScanOptions): Promise<Artifact[]> {
  const { source } = store;
  const threads = Math.min(options.concurrency, availableParallelism(), MOST_THREADS);
  if (source === null || threads < 2 || (await sizeOf(source.path)) < WORTH_THREADS_BYTES) {
    return suspectsIn(store, { what: "everything" }, options);
  }
  const ofShare = (index: number) =>
    index === 0 ? null : onThread({ source, description: store.description, share: { index, of: threads } }, options);
  const others = Array.from({ length: threads }, (_, index) => ofShare(index));
  const found = await suspectsIn(store, { what: "everything", share: { index: 0, of: threads } }, options);
  for (const [index, other] of others.entries()) {
    if (other === null) continue;
    const answer = await other;
    if (answer === "failed") {
      // A thread that cannot start or read is no finding: its share is read here.
      const scope: Scope = { what: "everything", share: { index, of: threads } };
      found.push(...(await suspectsIn(store, scope, options)));
    } else {
      found.push(...answer.suspects);
      addCounts(options.counts, answer.counts);
    }
  }
  return found;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}

function onThread(task: ThreadTask, { signal }: ScanOptions): Promise<ThreadAnswer | "failed"> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new Promise((resolve) => {
    const failed = () => resolve("failed");
    try {
      const worker = new Worker(new URL(`./suspects-thread.${extension}`, import.meta.url), { workerData: task });
      const stop = () => {
        resolve({ suspects: [], counts: noCounts() });
        void worker.terminate();
      };
      signal?.addEventListener("abort", stop, { once: true });
      worker.once("message", (answer: ThreadAnswer) => resolve(answer));
      worker.once("error", failed);
      worker.once("exit", () => {
        signal?.removeEventListener("abort", stop);
        failed();
      });
    } catch {
      failed();
    }
  });
}

function addCounts(to: Counts, more: Counts): void {
  to.sessions += more.sessions;
  to.messages += more.messages;
  to.parts += more.parts;
  to.bytes += more.bytes;
}
