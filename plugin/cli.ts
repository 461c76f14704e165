#!/usr/bin/env node
import { endWithParent } from "./command-line/hand-over.ts";
import { runCommandLine } from "./command-line/run.ts";

const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());
await endWithParent();
process.exitCode = await runCommandLine(process.argv.slice(2), abort.signal);
if (abort.signal.aborted) {
  // What was left behind would keep this process until its end.
  const { removeTemporaryFolders } = await import("./platform/temporary-folder.ts");
  removeTemporaryFolders();
  process.stdout.write("", () => process.exit());
}
