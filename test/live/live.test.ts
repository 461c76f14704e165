import { afterAll, expect, test } from "bun:test";
import { removeHomes } from "../host/home.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { faultsOf, runLive } from "./live.ts";

afterAll(removeHomes);

/** The short form of `npm run test:live`; how long the lock is held is not judged on a machine that others use too. */
// That several writers meet in files: rivals.test.ts, atomic-writes.test.ts.
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
