import { setTimeout as sleep } from "node:timers/promises";

/**
 * How long a test waits for a state, in milliseconds. It is no limit that a slow machine comes near: whatever is still not
 * there by then never comes, and the test names what is missing.
 */
export const PATIENCE_MS = 300_000;

/** How often a host is asked for a state: the newest spends 10 ms of CPU and more on an answer. */
export const ASK_EVERY_MS = 200;

/** Waits until a state is there. `missing` says what never came. */
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
