import { join } from "node:path";

/** Name of the quarantine folder in the data directory: beside `storage/`, never under it. */
export const QUARANTINE = "quarantine";

export function quarantinePath(dataDir: string): string {
  return join(dataDir, QUARANTINE);
}

/** How manifests name a database: relative to the data directory where it lies inside. */
export function relativeDatabase(dataDir: string, database: string): string {
  const prefix = `${dataDir.replaceAll("\\", "/")}/`;
  const path = database.replaceAll("\\", "/");
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}
