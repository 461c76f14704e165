#!/usr/bin/env node
import { endWithParent } from "./command-line/hand-over.ts";
import { watchOutput } from "./command-line/output.ts";
import { runCommandLine } from "./command-line/run.ts";

/** npm passes on an interrupt that the terminal has already sent: within this time, in milliseconds, both are one. */
const SAME_INTERRUPT_MS = 300;

const abort = new AbortController();
let interruptedMs = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
const statusWhenWritten = watchOutput();
await endWithParent();
process.exitCode = await statusWhenWritten(await runCommandLine(process.argv.slice(2), abort.signal));
if (abort.signal.aborted) {
  // What was left behind would keep this process until its end.
  const { removeTemporaryFolders } = await import("./platform/temporary-folder.ts");
  removeTemporaryFolders();
  process.stdout.write("", () => process.exit());
}

/** The first signal stops the command after the step that is running. The second ends it at once. */
async function interrupt(): Promise<void> {
  if (!abort.signal.aborted) {
    interruptedMs = performance.now();
    return abort.abort();
  }
  if (performance.now() - interruptedMs < SAME_INTERRUPT_MS) return;
  (await import("./command-line/second-interrupt.ts")).endAtOnce();
}
