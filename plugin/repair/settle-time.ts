import { setTimeout as sleep } from "node:timers/promises";
import type { Artifact, Evidence } from "../model/artifact.ts";
import type { Store } from "../stores/store.ts";

/**
 * A damaged file is not judged yet if it was written less than this many milliseconds ago. opencode 1.0-1.1 empties a
 * file before it writes the new content.
 */
const SETTLE_MS = 400;

const MOST_LOOKS = 5;

/**
 * Reads a record until it has stayed the same for the settle time. Returns `null` if the record is gone or keeps
 * changing. Database rows need no waiting, because SQLite shows only complete changes.
 */
export async function examineSettled(store: Store, artifact: Artifact): Promise<Evidence | null> {
  let before = await store.examine(artifact);
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    if (before === null || before.mtimeMs === null) return before;
    const age = Date.now() - before.mtimeMs;
    if (age >= SETTLE_MS) return before;
    // If the file's time is in the future, a clock was changed, and the file's age is unknown. Then the record must
    // keep its size and time for the whole settle time.
    await sleep(age < 0 ? SETTLE_MS : SETTLE_MS - age);
    const after = await store.examine(artifact);
    if (after !== null && after.mtimeMs === before.mtimeMs && after.size === before.size) return after;
    before = after;
  }
  return null;
}
