import { join } from "node:path";

/** Name of the quarantine folder in the data directory. The folder is next to `storage/`, never in it. */
export const QUARANTINE = "quarantine";

export function quarantinePath(dataDir: string): string {
  return join(dataDir, QUARANTINE);
}

/** The name of a database in manifests. The name is relative to the data directory if the database is inside it. */
export function relativeDatabase(dataDir: string, database: string): string {
  const prefix = `${dataDir.replaceAll("\\", "/")}/`;
  const path = database.replaceAll("\\", "/");
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}
