import type { Driver } from "../stores/sqlite/driver.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The second process gets the number of the first process in this variable. The second process then never starts a
 * third, and ends when the first ends.
 */
const HANDED_OVER = "OPENCODE_SESSION_REPAIR_HANDED_OVER";

/**
 * Runs this command line in another runtime if this one cannot read a database in place. `driver`: the SQLite of this
 * runtime. @returns the exit status of the other process, or `null` if this process does the work
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

/** The second process ends together with the first, so a user who kills the command also stops its work. */
export async function endWithParent(): Promise<void> {
  const parent = Number(process.env[HANDED_OVER]);
  if (parent > 0) (await import("../platform/programs.ts")).endWithParent(parent);
}
