import type { Driver } from "../stores/sqlite/driver.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The environment variable that marks a second process of this command line. Its value is the process id of the first.
 * A second process never starts a third, and ends when the first ends.
 */
const HANDED_OVER = "OPENCODE_SESSION_REPAIR_HANDED_OVER";

/**
 * Runs this command line in another runtime if this runtime cannot read a database in place. `driver` is the SQLite of
 * this runtime. @returns the exit status of the other process, or `null` if this process does the work
 */
export async function handOver(
  args: readonly string[],
  terminal: Terminal,
  driver: Driver | null,
): Promise<number | null> {
  if (driver?.readsInPlace === true || process.env[HANDED_OVER] !== undefined) return null;
  return (await import("./other-runtime.ts")).inOtherRuntime(args, terminal, driver, {
    [HANDED_OVER]: String(process.pid),
  });
}

/**
 * Ends this process when the process that started it ends, so that a user who kills the command also stops its work.
 */
export async function endWithCaller(): Promise<void> {
  const parent = Number(process.env[HANDED_OVER]);
  if (parent > 0) (await import("../platform/programs.ts")).endWithParent(parent);
}
