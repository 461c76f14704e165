import { setTimeout as sleep } from "node:timers/promises";

/**
 * Background work runs and pauses alternately for these times, in milliseconds: `IDLE` while opencode is idle, `BUSY`
 * while it is busy.
 */
const IDLE = { work: 8, rest: 8 };
const BUSY = { work: 2, rest: 250 };

/** opencode counts as busy while its last event is younger than this, in milliseconds. */
const BUSY_FOR_MS = 1000;

/** Tells when opencode was last active, by the events that it publishes. */
export class HostActivity {
  #last = Number.NEGATIVE_INFINITY;

  noticed(): void {
    this.#last = performance.now();
  }

  isBusy(): boolean {
    return performance.now() - this.#last < BUSY_FOR_MS;
  }
}

/** Pauses, so that background work uses at most half of an idle core, and much less when opencode is busy. */
export function gentlePace(activity: HostActivity): () => Promise<void> {
  let since = performance.now();
  return async () => {
    const pace = activity.isBusy() ? BUSY : IDLE;
    if (performance.now() - since < pace.work) return;
    await sleep(pace.rest, undefined, { ref: false });
    since = performance.now();
  };
}
