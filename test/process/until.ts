import { setTimeout as sleep } from "node:timers/promises";

/**
 * How long a test waits for a state, in milliseconds. Even a slow machine never needs that long. After that time, the
 * test fails and names the missing state.
 */
export const PATIENCE_MS = 300_000;

/**
 * How often a test asks a host for a state, in milliseconds. The newest host uses 10 ms of CPU time or more for each
 * answer.
 */
export const ASK_EVERY_MS = 200;

/** Waits until `isThere` returns true. `missing` is the error message if that never happens. */
export async function until(
  isThere: () => boolean | Promise<boolean>,
  missing: string | (() => string | Promise<string>),
  everyMs = 50,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await isThere())) {
    if (performance.now() > end) throw new Error(typeof missing === "string" ? missing : await missing());
    await sleep(everyMs);
  }
}
