import { errnoCode } from "../platform/file-system.ts";
import { EXIT } from "./exit-status.ts";

/**
 * Keeps a failed write to stdout or stderr from ending the process in the middle of a change.
 *
 * If the reader of stdout ends early (`| head`, a pager), the rest of the answer is not needed, and the exit status is
 * still that of the command. After any other failure, such as a full disk, the answer is lost.
 * @returns a function to call after the last write. It returns the status of the command, or 4 if the answer was lost
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
    // Node reports a failed write to a file only in a later step of its event loop.
    await new Promise(setImmediate);
    if (lost === null) return status;
    process.stderr.write(
      `The answer could not be written (${lost}). \`opencode-session-repair runs\` lists changes.\n`,
    );
    return EXIT.failed;
  };
}
