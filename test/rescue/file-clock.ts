import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Waits until new files are younger than the current time. The clock of a file system can be late by one tick of the
 * kernel.
 */
export function untilFilesAreYounger(folder: string): void {
  const [tick, now] = [join(folder, "tick"), Date.now()];
  do writeFileSync(tick, "");
  while (statSync(tick).mtimeMs <= now);
}
