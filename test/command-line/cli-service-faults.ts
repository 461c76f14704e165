/** Loaded before the process of `cliService`: leaves a temporary folder, and does after an answer what `LATE` names. */
import { makeTemporaryFolder } from "../../plugin/platform/temporary-folder.ts";

const send = process.send?.bind(process);
process.send = (answer: unknown) => {
  const isSent = send?.(answer) ?? false;
  // The environment is the command's.
  if (process.env.LATE === "status") process.exitCode = 3;
  if (process.env.LATE === "throw") throw new Error("thrown on purpose, after the answer");
  return isSent;
};
await makeTemporaryFolder();
