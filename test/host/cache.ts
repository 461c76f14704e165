import { join } from "node:path";

/** A directory below the git-ignored `.cache` of this repository, for what is expensive to make twice. */
export function cacheDirectory(name: string): string {
  return join(import.meta.dirname, "..", "..", ".cache", name);
}
