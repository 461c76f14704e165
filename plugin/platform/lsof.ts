import { open } from "node:fs/promises";
import { isWrittenByUsAlone } from "./permissions.ts";
import { outputOf } from "./programs.ts";

/** `lsof` is stopped after this time. It looks at every process of this user, which takes seconds. */
const LSOF_MS = 60_000;

/** The path of `lsof` on macOS. */
const LSOF = "/usr/sbin/lsof";

/**
 * Whether another process has a file open, as the program `lsof` reports. `null` if `lsof` gave no answer. Also `null`
 * if a process of another user may write to the file, because `lsof` does not show such a process. This function keeps
 * the file open meanwhile, so `lsof` must name at least this process. If `lsof` names no process, its answer is not
 * used.
 */
export async function hasDescriptorInLsof(path: string, program: string = LSOF): Promise<boolean | null> {
  const file = await open(path, "r");
  try {
    const options = { folder: "/", environment: { PATH: "/usr/bin:/bin" }, timeoutMs: LSOF_MS };
    const { status, output } = await outputOf(program, ["-t", "-n", "-P", "-w", "--", path], options);
    const openers = output.split("\n").filter((pid) => pid !== "");
    if (openers.some((pid) => Number(pid) !== process.pid)) return true;
    // A program that was stopped may have named only some of the processes.
    if (status === null) return null;
    return openers.length > 0 && isWrittenByUsAlone(path) ? false : null;
  } finally {
    await file.close();
  }
}
