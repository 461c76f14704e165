/**
 * Runs many command lines in this one process, one after the other. A message gives the arguments and the environment
 * of a command line. The answer is its exit status and its output.
 */
import { runCommandLine } from "../../plugin/command-line/run.ts";
import { removeTemporaryFolders } from "../../plugin/platform/temporary-folder.ts";
import type { CliResult } from "./cli-process.ts";

export interface Asked {
  readonly args: readonly string[];
  /** The whole environment of the command line. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const said = { stdout: "", stderr: "" };
for (const name of ["stdout", "stderr"] as const) {
  process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    said[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    const done = rest.find((each) => typeof each === "function");
    if (done !== undefined) queueMicrotask(() => done());
    return true;
  };
}

async function answer({ args, env }: Asked): Promise<CliResult> {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  [said.stdout, said.stderr] = ["", ""];
  const code = await runCommandLine(args, new AbortController().signal);
  // The command line sets its exit status at its end. If the status changes after this line, it was set too late.
  process.exitCode = 0;
  const left = removeTemporaryFolders();
  if (left === 0) return { code, ...said };
  return { ...said, code: -1, stderr: `${said.stderr}temporary folders that the command left: ${left}\n` };
}

process.on("message", async (asked: Asked) => {
  if (process.exitCode) process.exit();
  process.send?.(await answer(asked));
});
process.on("disconnect", () => process.exit());
