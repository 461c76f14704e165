import { runCommandLine } from "../../plugin/command-line/run.ts";

/** Runs the command line with a signal that was aborted before the start. */
process.exitCode = await runCommandLine(process.argv.slice(2), AbortSignal.abort());
