import { outputOf } from "./programs.ts";

/** It looks at every process of this user, which takes seconds. */
const LSOF_MS = 60_000;

/** Where macOS has it. */
const LSOF = "/usr/sbin/lsof";

/**
 * Whether another process of this user has a file open, as `lsof` tells; `null` if it could not be asked. Its status is 1
 * if no process has it open.
 */
export async function hasOtherDescriptor(path: string, program: string = LSOF): Promise<boolean | null> {
  const options = { folder: "/", environment: { PATH: "/usr/bin:/bin" }, timeoutMs: LSOF_MS };
  const { status, output } = await outputOf(program, ["-t", "--", path], options);
  if (status === null) return null;
  return output.split("\n").some((pid) => pid !== "" && Number(pid) !== process.pid);
}
