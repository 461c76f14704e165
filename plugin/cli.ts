#!/usr/bin/env node
import { endWithCaller } from "./command-line/hand-over.ts";
import { watchOutput } from "./command-line/output.ts";
import { runCommandLine } from "./command-line/run.ts";

/**
 * npm sends an interrupt once more, although the terminal has sent it already. Two interrupts within this time, in
 * milliseconds, count as one.
 */
const SAME_INTERRUPT_MS = 300;

const abort = new AbortController();
let interruptedMs = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
const statusWhenWritten = watchOutput();
await endWithCaller();
process.exitCode = await statusWhenWritten(await runCommandLine(process.argv.slice(2), abort.signal));
if (abort.signal.aborted) {
  // The process must end itself, because work that the command no longer waits for would keep it running.
  const { removeTemporaryFolders } = await import("./platform/temporary-folder.ts");
  removeTemporaryFolders();
  process.stdout.write("", () => process.exit());
}

/** The first signal stops the command after the step that is running. The second signal ends the command at once. */
async function interrupt(): Promise<void> {
  if (!abort.signal.aborted) {
    interruptedMs = performance.now();
    return abort.abort();
  }
  if (performance.now() - interruptedMs < SAME_INTERRUPT_MS) return;
  (await import("./command-line/second-interrupt.ts")).endAtOnce();
}
