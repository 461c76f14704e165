import { setTimeout as sleep } from "node:timers/promises";
import type { Artifact, Evidence } from "../model/artifact.ts";
import type { Store } from "../stores/store.ts";

/** opencode 1.0-1.1 truncates a file and then writes it. Younger damage may be a write that is still going on. */
const SETTLE_MS = 400;

const MOST_LOOKS = 5;

/**
 * Reads a record until it has stayed the same for the settle time. `null` if the record is gone or keeps changing. Rows
 * need no waiting, because SQLite shows only committed states.
 */
export async function examineSettled(store: Store, artifact: Artifact): Promise<Evidence | null> {
  let before = await store.examine(artifact);
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    if (before === null || before.mtimeMs === null) return before;
    const age = Date.now() - before.mtimeMs;
    if (age >= SETTLE_MS) return before;
    // A time in the future (the clock was changed) means nothing. In that case the record only has to keep the same
    // content.
    await sleep(age < 0 ? SETTLE_MS : SETTLE_MS - age);
    const after = await store.examine(artifact);
    if (after !== null && after.mtimeMs === before.mtimeMs && after.size === before.size) return after;
    before = after;
  }
  return null;
}
