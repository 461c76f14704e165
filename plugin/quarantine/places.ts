import { join } from "node:path";

/** Name of the quarantine folder in the data directory. The folder is next to `storage/`, never in it. */
export const QUARANTINE = "quarantine";

export function quarantinePath(dataDir: string): string {
  return join(dataDir, QUARANTINE);
}

/**
 * The name of a database as manifests state it. The name is a relative path if the database is inside opencode's data
 * directory.
 */
export function relativeDatabase(dataDir: string, database: string): string {
  const prefix = `${dataDir.replaceAll("\\", "/")}/`;
  const path = database.replaceAll("\\", "/");
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}
