import { setTimeout as sleep } from "node:timers/promises";

const WORK_MS = 4;
const REST_MS = 16;

/** A pause that keeps background work to about a fifth of one core: a short rest after every few milliseconds. */
export function gentlePace(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < WORK_MS) return;
    await sleep(REST_MS);
    since = performance.now();
  };
}
