/**
 * A module that `cliService` loads before its process. It leaves a temporary folder behind. After an answer, it sets a
 * late exit status or throws, as the variable `LATE` says.
 */
import { makeTemporaryFolder } from "../../plugin/platform/temporary-folder.ts";

const send = process.send?.bind(process);
process.send = (answer: unknown) => {
  const isSent = send?.(answer) ?? false;
  // At this time, the environment of the process is the environment of the command.
  if (process.env.LATE === "status") process.exitCode = 3;
  if (process.env.LATE === "throw") throw new Error("thrown on purpose, after the answer");
  return isSent;
};
await makeTemporaryFolder();
