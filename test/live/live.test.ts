import { afterAll, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { faultsOf, runLive } from "./live.ts";

afterAll(removeHomes);

/**
 * The test is the short form of `npm run test:live`. It does not judge how long the lock is held, because other
 * programs use the machine too.
 */
// Tests of several writers of the same files are in rivals.test.ts and atomic-writes.test.ts.
const TRIED = [["1.18.33", true], ...(IS_WHOLE ? ([["1.1.65", false]] as const) : [])] as const;

test.each(TRIED)(
  "opencode %s at full speed while its store is damaged, checked, repaired and restored",
  async (version, atomicWrites) => {
    const result = await runLive({ version, durationMs: 4000, leastTurns: 1, seed: 20_261_125, atomicWrites });
    expect(faultsOf({ ...result, holds: null })).toEqual([]);
    expect(result.turns).toBeGreaterThan(0);
    expect(result.announced).toBeGreaterThan(0);
  },
);
