import { join } from "node:path";

/** A folder in the git-ignored `.cache` of this repository, for files that take long to make. */
export function cacheDirectory(name: string): string {
  return join(import.meta.dirname, "..", "..", ".cache", name);
}
