import { runCommandLine } from "../../plugin/command-line/run.ts";

/** Runs the command line as if it was interrupted before it began. */
process.exitCode = await runCommandLine(process.argv.slice(2), AbortSignal.abort());
