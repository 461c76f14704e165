import { join } from "node:path";

/** Name of the quarantine folder in the data directory: beside `storage/`, never under it. */
export const QUARANTINE = "quarantine";

export function quarantinePath(dataDir: string): string {
  return join(dataDir, QUARANTINE);
}
