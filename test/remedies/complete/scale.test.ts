import { expect, test } from "bun:test";
import { IS_WHOLE } from "../../process/whole.ts";
import { runScale } from "./scale-experiment.ts";

/** The test is a short form of `npm run test:normalise -- --rows N --kill-after N`. */
// A kill during a repair is tested in test/crash/kill.test.ts.
test.skipIf(!IS_WHOLE)(
  "thousands of old rows are completed, even after a kill, and come back byte for byte",
  async () => {
    const result = await runScale({ rows: 3_000, killAfterRuns: 2, undo: true, probe: false });
    expect(result).toMatchObject({ refused: 3_000, killed: true, left: 0, undone: true });
    expect(result.peakMB).toBeLessThan(600);
  },
);
