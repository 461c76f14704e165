#!/usr/bin/env node
import { endWithParent } from "./command-line/other-runtime.ts";
import { runCommandLine } from "./command-line/run.ts";

const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());
endWithParent();
process.exitCode = await runCommandLine(process.argv.slice(2), abort.signal);
