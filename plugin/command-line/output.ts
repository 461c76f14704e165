import { errnoCode } from "../platform/file-system.ts";
import { EXIT } from "./exit-status.ts";

/**
 * Keeps a failed write to stdout or stderr from ending the process in the middle of a change.
 *
 * A reader may leave before the end (`| head`, a pager): then the rest of the answer goes nowhere, and the exit status
 * stays true. Any other failure, such as a full disk, loses the answer.
 * @returns gives the exit status after the last write: that of the command, or 4 if its answer was lost
 */
export function watchOutput(): (status: number) => Promise<number> {
  let lost: string | null = null;
  process.stdout.on("error", (error) => {
    const code = errnoCode(error) ?? error.name;
    if (code !== "EPIPE") lost ??= code;
  });
  // An error on stderr cannot be reported anywhere.
  process.stderr.on("error", () => undefined);
  return async (status) => {
    // Node reports a failed write to a file only in a later step.
    await new Promise(setImmediate);
    if (lost === null) return status;
    process.stderr.write(
      `The answer could not be written (${lost}). \`opencode-session-repair runs\` lists changes.\n`,
    );
    return EXIT.failed;
  };
}
