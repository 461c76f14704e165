import { setTimeout as sleep } from "node:timers/promises";
import type { Terminal } from "./terminal.ts";

/** After a signal, a command gets this time, in milliseconds, to end by itself. */
const OWN_END_MS = 100;

const LEFT = Symbol("left");

/**
 * Waits for work that changes nothing. Soon after a signal, the function returns `null` without the result. The work
 * may then continue until this process ends. `isLeft` tells the work that its result is no longer needed.
 */
export async function unlessLeft<T>(
  work: (isLeft: () => boolean) => Promise<T>,
  signal: AbortSignal,
): Promise<T | null> {
  let isLeft = false;
  const working = work(() => isLeft);
  const outcome = await Promise.race([working, leftAfter(signal)]);
  if (outcome !== LEFT) return outcome as T;
  isLeft = true;
  // A later error of the work must not end this process, because nobody waits for the work any more.
  working.catch(() => undefined);
  return null;
}

async function leftAfter(signal: AbortSignal): Promise<typeof LEFT> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  return sleep(OWN_END_MS, LEFT);
}

/** A terminal that prints nothing after the command stopped waiting for the work. */
export function silentWhenLeft(terminal: Terminal, isLeft: () => boolean): Terminal {
  const unless =
    <Args extends readonly unknown[]>(print: (...args: Args) => void) =>
    (...args: Args) => {
      if (!isLeft()) print(...args);
    };
  return {
    ...terminal,
    print: unless(terminal.print),
    printDocument: unless(terminal.printDocument),
    say: unless(terminal.say),
    complain: unless(terminal.complain),
    progress: unless(terminal.progress),
    printAll: async (lines) => {
      if (!isLeft()) await terminal.printAll(lines);
    },
  };
}
